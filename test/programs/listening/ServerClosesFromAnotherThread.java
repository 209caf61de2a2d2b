import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;

/** Serves each client on a thread of its own; the one that says "end" closes the socket that others wait at. */
class ServerClosesFromAnotherThread {
  public static void main(String[] arguments) throws Exception {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    try {
      while (true) {
        Socket socket = server.accept();
        new Thread(() -> serve(server, socket)).start();
      }
    } catch (SocketException closed) {
      System.out.println("closed while waiting");
    }
  }

  private static void serve(ServerSocket server, Socket socket) {
    try (socket) {
      String line = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
      socket.getOutputStream().write((socket.getInetAddress().getHostAddress() + "\n").getBytes());
      if ("end".equals(line)) {
        server.close();
      }
    } catch (Exception failure) {
      throw new RuntimeException(failure);
    }
  }
}
