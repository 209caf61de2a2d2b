// Loaded into each Node that runs with a sanitizer (setup/sanitize.mjs): programs that it starts shall run without the
// sanitizer's runtime, unless they are Node.

delete process.env.LD_PRELOAD;
process.execPath = process.env.TLSPOOL_SANITIZED_NODE ?? process.execPath;
