// Objects of one kind that are made often, with all of their properties at once: V8 takes many
// times as long to add them one by one.
#pragma once

#include <node_api.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tlspool::node {

/// The properties of a kind of object. Lives as long as the process, as does what makes them.
class Shape {
 public:
  /// Names as JavaScript writes them without quotes.
  Shape(std::initializer_list<const char*> names) : names_(names) {}
  Shape(const Shape&) = delete;

  /// An object with these values, in the order of the names.
  napi_value make(napi_env env, std::initializer_list<napi_value> values) const;

 private:
  /// The function that makes them; nullptr if JavaScript is being ended.
  napi_value maker(napi_env env) const;
  /// Its source text: `((a0,a1)=>({type:a0,session:a1}))`.
  std::string source() const;

  std::vector<const char*> names_;
};

}  // namespace tlspool::node
