import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes events of five types. Event i has the key i mod keys and is number i div keys of that key; its type follows from
 * both, so that every key sees every type in turn. Prints what it wrote as one line of JSON.
 *
 * <p>With {@code --pause-at n} it prints {@code paused} after n events, and waits for a line of input.
 */
public final class Producer {
    private static final List<String> TYPES = List.of(
            "shop.order_placed",
            "customer.registered",
            "shop.stock_counted",
            "shop.order_cancelled",
            "customer.address_changed");

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        String topic = options.text("--topic");
        String prefix = options.text("--prefix");
        long events = options.number("--events", 0);
        long keys = options.number("--keys", 1);
        long pauseAt = options.number("--pause-at", -1);
        long perSecond = options.number("--per-second", 0);

        Registry registry = new Registry(options.text("--registry"));
        Schema[] schemas = new Schema[TYPES.size()];
        int[] ids = new int[TYPES.size()];
        for (int i = 0; i < schemas.length; i++) {
            schemas[i] = schema(Path.of(options.text("--schemas")), TYPES.get(i));
            ids[i] = registry.register(schemas[i]);
        }

        long[] written = new long[TYPES.size()];
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (KafkaProducer<String, byte[]> producer = new KafkaProducer<>(properties(options))) {
            long start = System.nanoTime();
            for (long i = 0; i < events; i++) {
                if (i == pauseAt) {
                    producer.flush();
                    System.out.println("paused");
                    System.in.read();
                }
                String key = prefix + (i % keys);
                long sequence = i / keys;
                int type = (int) ((i % keys + sequence) % TYPES.size());
                byte[] value = Framing.write(ids[type], event(schemas[type], key, sequence));
                producer.send(new ProducerRecord<>(topic, key, value), (metadata, error) -> {
                    if (error != null) {
                        failure.compareAndSet(null, error);
                    }
                });
                written[type]++;
                if (perSecond > 0) {
                    LockSupport.parkNanos(start + i * 1_000_000_000L / perSecond - System.nanoTime());
                }
            }
        }
        if (failure.get() != null) {
            throw failure.get();
        }

        ObjectNode summary = new ObjectMapper().createObjectNode().put("events", events).put("keys", keys);
        ObjectNode types = summary.putObject("types");
        for (int i = 0; i < written.length; i++) {
            types.put(TYPES.get(i), written[i]);
        }
        System.out.println(summary);
    }

    private static Properties properties(Options options) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.text("--brokers"));
        properties.put("key.serializer", StringSerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        properties.put("linger.ms", "5");
        return properties;
    }

    private static Schema schema(Path folder, String name) throws IOException {
        String text = Files.readString(folder.resolve(name + ".avsc"), StandardCharsets.UTF_8);
        return new Schema.Parser().parse(text);
    }

    /** An event whose fields follow from its key and its number. */
    private static GenericRecord event(Schema schema, String key, long sequence) {
        GenericRecord event = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            event.put(field.pos(), switch (field.name()) {
                case "customer", "sku" -> key;
                case "sequence" -> sequence;
                case "order_id" -> key + "-" + sequence;
                case "amount_cents", "count" -> 100 + sequence;
                case "reason" -> sequence % 2 == 0 ? null : "ordered twice";
                case "email" -> key + "@example.org";
                case "street" -> "Hafenstraße " + sequence;
                case "city" -> "Köln";
                default -> throw new IllegalStateException("no value for " + schema.getFullName() + "." + field.name());
            });
        }
        return event;
    }
}
