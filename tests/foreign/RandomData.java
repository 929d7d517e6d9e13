import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;

/** Random values of any schema, with logical types as this library implements them. */
final class RandomData {
    private static final String[] TEXTS = {"", "a", "Z0", " ", "\"\\", "\0\n", "ü", "€ß", "😀", "\uffff", "\u202e", "long enough to be long"};
    /** From this depth on, values nest as little as possible. */
    private static final int DEEP = 16;
    /** The most items in all arrays and maps of a datum. */
    private static final int ITEMS = 40;

    private final Random random;
    private int items;

    RandomData(Random random) {
        this.random = random;
    }

    Object datum(Schema schema) {
        items = ITEMS;
        return value(schema, 0);
    }

    private Object value(Schema schema, int depth) {
        LogicalType logical = schema.getLogicalType();
        switch (schema.getType()) {
            case NULL:
                return null;
            case BOOLEAN:
                return random.nextBoolean();
            case INT:
                return (int) number(32);
            case LONG:
                return number(64);
            case FLOAT:
                return random.nextInt(4) == 0 ? special().floatValue() : (float) (random.nextGaussian() * 1e6);
            case DOUBLE:
                return random.nextInt(4) == 0 ? special() : random.nextGaussian() * 1e100;
            case BYTES:
                return ByteBuffer.wrap(bytes(logical));
            case STRING:
                return logical != null && logical.getName().equals("uuid") ? new UUID(random.nextLong(), random.nextLong()).toString() : text();
            case ENUM:
                List<String> symbols = schema.getEnumSymbols();
                return new GenericData.EnumSymbol(schema, symbols.get(random.nextInt(symbols.size())));
            case FIXED:
                return new GenericData.Fixed(schema, fixed(schema.getFixedSize(), logical));
            case ARRAY:
                int length = count();
                List<Object> array = new ArrayList<>();
                for (int i = 0; i < length; i++) {
                    array.add(value(schema.getElementType(), depth + 1));
                }
                return array;
            case MAP:
                // In the order of the keys' bytes.
                Map<Utf8, Object> map = new TreeMap<>();
                for (int entries = count(); entries > 0; entries--) {
                    map.put(new Utf8(text()), value(schema.getValueType(), depth + 1));
                }
                return map;
            case UNION:
                List<Schema> branches = schema.getTypes();
                Schema branch = depth < DEEP ? branches.get(random.nextInt(branches.size())) : lowest(branches, new HashSet<>());
                return value(branch, depth + 1);
            case RECORD:
                GenericData.Record record = new GenericData.Record(schema);
                for (Schema.Field field : schema.getFields()) {
                    record.put(field.pos(), value(field.schema(), depth + 1));
                }
                return record;
        }
        throw new IllegalStateException("no value for " + schema);
    }

    private int count() {
        int count = Math.min(random.nextInt(4), items);
        items -= count;
        return count;
    }

    private long number(int bits) {
        switch (random.nextInt(8)) {
            case 0:
                return 0;
            case 1:
                return Long.MAX_VALUE >> (64 - bits);
            case 2:
                return Long.MIN_VALUE >> (64 - bits);
            default:
                return random.nextLong() >> (64 - bits + random.nextInt(bits));
        }
    }

    private Double special() {
        double[] all = {0.0, -0.0, 1.5, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN};
        return all[random.nextInt(all.length)];
    }

    private String text() {
        return TEXTS[random.nextInt(TEXTS.length)] + TEXTS[random.nextInt(TEXTS.length)];
    }

    private byte[] some(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] bytes(LogicalType logical) {
        if (logical instanceof LogicalTypes.Decimal) {
            return unscaled(((LogicalTypes.Decimal) logical).getPrecision());
        }
        if (logical instanceof LogicalTypes.BigDecimal) {
            try {
                ByteArrayOutputStream content = new ByteArrayOutputStream();
                BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(content, null);
                encoder.writeBytes(unscaled(50));
                encoder.writeInt((int) number(32));
                encoder.flush();
                return content.toByteArray();
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }
        return some(random.nextInt(9));
    }

    private byte[] fixed(int size, LogicalType logical) {
        if (!(logical instanceof LogicalTypes.Decimal)) {
            return some(size);
        }
        byte[] number = unscaled(((LogicalTypes.Decimal) logical).getPrecision());
        byte[] bytes = new byte[size];
        Arrays.fill(bytes, (byte) (number[0] < 0 ? -1 : 0));
        System.arraycopy(number, 0, bytes, size - number.length, number.length);
        return bytes;
    }

    /** A number of any length up to this many digits. */
    private byte[] unscaled(int precision) {
        BigInteger limit = BigInteger.TEN.pow(1 + random.nextInt(precision));
        BigInteger number = random.nextInt(4) == 0 ? limit.subtract(BigInteger.ONE) : new BigInteger(limit.bitLength(), random).mod(limit);
        return (random.nextBoolean() ? number.negate() : number).toByteArray();
    }

    /** The branch whose values nest least. */
    private static Schema lowest(List<Schema> branches, Set<String> within) {
        Schema lowest = branches.get(0);
        for (Schema branch : branches) {
            if (height(branch, within) < height(lowest, within)) {
                lowest = branch;
            }
        }
        return lowest;
    }

    private static int height(Schema schema, Set<String> within) {
        int height = 0;
        if (schema.getType() == Schema.Type.UNION) {
            height = 1 + height(lowest(schema.getTypes(), within), within);
        } else if (schema.getType() == Schema.Type.RECORD) {
            if (!within.add(schema.getFullName())) {
                return 1_000_000;
            }
            for (Schema.Field field : schema.getFields()) {
                height = Math.max(height, 1 + height(field.schema(), within));
            }
            within.remove(schema.getFullName());
        }
        return height;
    }
}
