import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/**
 * One OpenSearch node for tests, in a folder of its own and on a free port, which it prints as "http PORT". It stops
 * when its standard input ends, so that it never outlives the test.
 *
 * java -cp "LIBS/*" OpenSearchNode.java FOLDER
 */
public final class OpenSearchNode extends Node {
  private OpenSearchNode(Settings settings) {
    super(
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"),
        List.of(Netty4Plugin.class),
        true);
  }

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    Settings settings =
        Settings.builder()
            .put("path.home", folder)
            .put("path.data", folder.resolve("data"))
            .put("cluster.name", "logneo-test")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("node.processors", 1)
            .build();
    try (Node node = new OpenSearchNode(settings).start()) {
      int port =
          node.injector()
              .getInstance(org.opensearch.http.HttpServerTransport.class)
              .boundAddress()
              .publishAddress()
              .getPort();
      System.out.println("http " + port);
      System.in.transferTo(java.io.OutputStream.nullOutputStream());
    }
    System.exit(0);
  }
}
