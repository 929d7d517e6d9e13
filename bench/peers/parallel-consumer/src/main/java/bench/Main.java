package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Confluent's Parallel Consumer, ordered by key: takes the arguments of every contender and prints one line of JSON. */
public final class Main {
    private static final int SCHEMA_ID = 7;

    /** What a thread that decodes keeps. */
    private static final class Reader {
        private final GenericDatumReader<GenericRecord> reader;
        private BinaryDecoder decoder;
        private GenericRecord last;

        Reader(Schema schema) {
            reader = new GenericDatumReader<>(schema);
        }

        GenericRecord read(byte[] payload) throws Exception {
            int id = (payload[1] & 255) << 24 | (payload[2] & 255) << 16 | (payload[3] & 255) << 8 | payload[4] & 255;
            if (payload[0] != 0 || id != SCHEMA_ID) {
                throw new IllegalStateException("a record of another schema");
            }
            decoder = DecoderFactory.get().binaryDecoder(payload, 5, payload.length - 5, decoder);
            last = reader.read(last, decoder);
            return last;
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (int i = 1; i + 1 < args.length; i += 2) {
            given.put(args[i].substring(2), args[i + 1]);
        }
        Checks checks = new Checks(given);
        Schema schema = new Schema.Parser().parse(schema(given.get("registry")));
        ThreadLocal<Reader> readers = ThreadLocal.withInitial(() -> new Reader(schema));

        Properties properties = new Properties();
        properties.put("bootstrap.servers", given.get("brokers"));
        properties.put("group.id", given.get("group"));
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("fetch.max.wait.ms", "5");
        properties.put("max.poll.records", "2000");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        ParallelConsumerOptions<byte[], byte[]> options = ParallelConsumerOptions.<byte[], byte[]>builder()
                .consumer(new KafkaConsumer<>(properties))
                .ordering(ProcessingOrder.KEY)
                .maxConcurrency(Integer.parseInt(given.get("in-flight")))
                .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
                .build();
        ParallelStreamProcessor<byte[], byte[]> processor =
                ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(given.get("topic")));
        processor.poll(context -> {
            try {
                GenericRecord event = readers.get().read(context.getSingleRecord().value());
                checks.handle((Long) event.get("sequence"), (Long) event.get("amount_cents"));
            } catch (Exception e) {
                checks.fail(e);
            }
        });
        String report = checks.await();
        processor.closeDontDrainFirst();
        System.out.println(report);
        System.exit(0);
    }

    /** The schema under the id, as a registry gives it. */
    private static String schema(String registry) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + SCHEMA_ID)).build();
        String body = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        return new ObjectMapper().readTree(body).get("schema").asText();
    }
}
