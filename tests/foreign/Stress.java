import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Random;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Reads schemas, each a line of JSON with an {@code event}, a {@code schema} and {@code data} in hexadecimal, and answers with a
 * line for each: {@code written} has random data, each {@code plain} and in {@code blocks}; {@code wrong} lists the given data that
 * could not be read, or were written differently.
 */
public final class Stress {
    private static final HexFormat HEX = HexFormat.of();

    private Stress() {}

    public static void main(String[] args) throws IOException {
        Options options = new Options(args);
        long count = options.number("--count", 1);
        long seed = options.number("--seed", 0);
        ObjectMapper mapper = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        try (BufferedReader lines = Files.newBufferedReader(Path.of(options.text("--cases")))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode given = mapper.readTree(line);
                String event = given.get("event").asText();
                ObjectNode answer = mapper.createObjectNode().put("event", event);
                ArrayNode written = answer.putArray("written");
                ArrayNode wrong = answer.putArray("wrong");
                try {
                    Schema schema = parse(given.get("schema").asText());
                    write(schema, new RandomData(new Random(seed ^ event.hashCode())), count, written);
                    for (JsonNode datum : given.get("data")) {
                        check(schema, datum.asText(), wrong);
                    }
                } catch (RuntimeException error) {
                    wrong.add(error.toString());
                }
                out.println(answer);
            }
        }
        out.flush();
    }

    private static Schema parse(String text) {
        try {
            return new Schema.Parser().parse(text);
        } catch (AvroRuntimeException error) {
            // The library cannot check the default of a field whose type is the record itself.
            if (!"Schema fields not set yet".equals(error.getMessage())) {
                throw error;
            }
            return new Schema.Parser().setValidateDefaults(false).parse(text);
        }
    }

    private static void write(Schema schema, RandomData random, long count, ArrayNode written) throws IOException {
        for (long i = 0; i < count; i++) {
            Object datum = random.datum(schema);
            ObjectNode forms = written.addObject();
            forms.put("plain", HEX.formatHex(plain(schema, datum)));
            ByteArrayOutputStream blocks = new ByteArrayOutputStream();
            BinaryEncoder encoder = new EncoderFactory().configureBlockSize(64).blockingBinaryEncoder(blocks, null);
            new GenericDatumWriter<>(schema).write(datum, encoder);
            encoder.flush();
            forms.put("blocks", HEX.formatHex(blocks.toByteArray()));
        }
    }

    private static void check(Schema schema, String datum, ArrayNode wrong) {
        try {
            byte[] bytes = HEX.parseHex(datum);
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, null);
            byte[] again = plain(schema, new InOrder(schema).read(null, decoder));
            if (!decoder.isEnd() || !Arrays.equals(again, bytes)) {
                wrong.add(datum + " became " + HEX.formatHex(again));
            }
        } catch (IOException | RuntimeException error) {
            wrong.add(datum + ": " + error);
        }
    }

    private static byte[] plain(Schema schema, Object datum) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(datum, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    /** Keeps the entries of maps in their order, and items in a list of objects: 1.12.0 keeps doubles as floats (AVRO-4108). */
    private static final class InOrder extends GenericDatumReader<Object> {
        InOrder(Schema schema) {
            super(schema);
        }

        @Override
        protected Object newMap(Object old, int size) {
            return new LinkedHashMap<Object, Object>();
        }

        @Override
        protected Object newArray(Object old, int size, Schema schema) {
            return new GenericData.Array<Object>(size, schema);
        }
    }
}
