import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;

/** The two calls of a Confluent registry that a producer and a consumer need. */
final class Registry {
    private static final String JSON = "application/vnd.schemaregistry.v1+json";

    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Schema> byId = new HashMap<>();
    private final String url;

    Registry(String url) {
        this.url = url;
    }

    /** Registers a schema under its record's name, and returns its id. */
    int register(Schema schema) throws IOException, InterruptedException {
        String body = json.writeValueAsString(Map.of("schema", schema.toString()));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/subjects/" + schema.getFullName() + "/versions"))
                .header("Content-Type", JSON)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        return call(request).get("id").asInt();
    }

    /** The schema of an id, requested once. */
    Schema byId(int id) throws IOException, InterruptedException {
        Schema schema = byId.get(id);
        if (schema == null) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).build();
            schema = new Schema.Parser().parse(call(request).get("schema").asText());
            byId.put(id, schema);
        }
        return schema;
    }

    private JsonNode call(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException(request.uri() + " answered " + response.statusCode() + ": " + response.body());
        }
        return json.readTree(response.body());
    }
}
