import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads a topic from its beginning, without a group, until it has seen the expected number of different events and has
 * reached the ends, or until the deadline. It reads committed records only. Each event is identified by its customer (or sku) and
 * its sequence number, or by the fields that {@code --subject} and {@code --sequence} name.
 * Prints what it saw as one line of JSON.
 */
public final class Consumer {
    private final Registry registry;
    private final String subjectField;
    private final String sequenceField;
    private final Map<String, Long> highest = new HashMap<>();
    private final Set<String> seen = new HashSet<>();
    private final Set<String> ids = new HashSet<>();
    private final Map<String, Long> types = new TreeMap<>();
    private final Map<String, Long> headers = new TreeMap<>();
    private final Map<String, Long> ceTypes = new TreeMap<>();
    private long count;
    private long duplicates;
    private long violations;
    private long foreignKeys;
    private String firstViolation = "";
    private String firstDuplicate = "";

    private Consumer(Options options) throws Exception {
        registry = new Registry(options.text("--registry"));
        subjectField = options.text("--subject", "");
        sequenceField = options.text("--sequence", "sequence");
    }

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        String prefix = options.text("--prefix");
        long expected = options.number("--expect", 0);
        long deadline = System.nanoTime() + options.number("--seconds", 60) * 1_000_000_000L;

        Consumer summary = new Consumer(options);
        try (KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(properties(options))) {
            List<TopicPartition> partitions = consumer.partitionsFor(options.text("--topic")).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            do {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.key() != null && record.key().startsWith(prefix)) {
                        summary.add(record);
                    }
                }
            } while (System.nanoTime() < deadline && !(summary.seen.size() >= expected && atEnd(consumer, partitions)));
        }
        System.out.println(summary.json());
    }

    private static boolean atEnd(KafkaConsumer<?, ?> consumer, List<TopicPartition> partitions) {
        return consumer.endOffsets(partitions).entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private void add(ConsumerRecord<String, byte[]> record) throws Exception {
        GenericRecord value = Framing.read(record.value(), registry);
        String type = value.getSchema().getFullName();
        String usual = value.hasField("customer") ? "customer" : "sku";
        String subject = value.get(subjectField.isEmpty() ? usual : subjectField).toString();
        long sequence = (Long) value.get(sequenceField);

        count++;
        types.merge(type, 1L, Long::sum);
        if (!subject.equals(record.key())) {
            foreignKeys++;
        }
        if (!seen.add(subject + "/" + sequence)) {
            duplicates++;
            if (firstDuplicate.isEmpty()) {
                firstDuplicate = subject + ": " + sequence + " again at " + record.partition() + "@" + record.offset() + ", " + text(record, "ce_causationid");
            }
        } else if (highest.getOrDefault(subject, -1L) > sequence) {
            violations++;
            if (firstViolation.isEmpty()) {
                firstViolation = subject + ": " + sequence + " after " + highest.get(subject) + " at offset " + record.offset();
            }
        } else {
            highest.put(subject, sequence);
        }
        for (Header header : record.headers()) {
            headers.merge(header.key(), 1L, Long::sum);
            if (header.value() != null) {
                String text = new String(header.value(), StandardCharsets.UTF_8);
                switch (header.key()) {
                    case "ce_id" -> ids.add(text);
                    case "ce_type" -> ceTypes.merge(text, 1L, Long::sum);
                    default -> {}
                }
            }
        }
    }

    private static String text(ConsumerRecord<?, ?> record, String name) {
        Header header = record.headers().lastHeader(name);
        return name + " " + (header == null ? "is missing" : new String(header.value(), StandardCharsets.UTF_8));
    }

    private ObjectNode json() {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        json.put("count", count).put("distinct", seen.size()).put("duplicates", duplicates);
        json.put("first_duplicate", firstDuplicate);
        json.put("order_violations", violations).put("first_violation", firstViolation);
        json.put("keys", highest.size()).put("foreign_keys", foreignKeys).put("distinct_ce_ids", ids.size());
        json.set("types", mapper.valueToTree(types));
        json.set("headers", mapper.valueToTree(headers));
        json.set("ce_types", mapper.valueToTree(ceTypes));
        return json;
    }

    private static Properties properties(Options options) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.text("--brokers"));
        properties.put("key.deserializer", StringDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("isolation.level", "read_committed");
        properties.put("allow.auto.create.topics", "false");
        return properties;
    }
}
