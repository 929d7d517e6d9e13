import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericEnumSymbol;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Asks Java's Avro what a reader makes of what a writer wrote, and which pairs of schemas are compatible.
 *
 * resolution.jsonl has one object a line: a pair of schemas and its vectors, each the writer's bytes with the reader's value
 * in readable JSON, or with the error. compatibility.jsonl has one pair a line. Everything random comes from fixed seeds.
 */
public class Generator {
    static final List<String> PRIMITIVES =
        List.of("null", "boolean", "int", "long", "float", "double", "bytes", "string");
    static final int RANDOM = 4;

    record Pair(String group, String writer, String reader, List<String> values) {}

    static final List<Pair> pairs = new ArrayList<>();

    public static void main(String[] arguments) throws IOException {
        primitives();
        logical();
        named();
        containers();
        unions();
        records();
        defaults();
        recursion();
        try (PrintWriter out = file("resolution.jsonl")) {
            for (int index = 0; index < pairs.size(); index++) {
                out.println(resolve(pairs.get(index), index));
            }
        }
        try (PrintWriter out = file("compatibility.jsonl")) {
            for (Pair pair : pairs) {
                out.println(compatibility(pair.group, pair.writer, pair.reader));
            }
            List<String> all = zoo();
            for (String writer : all) {
                for (String reader : all) {
                    out.println(compatibility("zoo", writer, reader));
                }
            }
        }
    }

    static PrintWriter file(String name) throws IOException {
        return new PrintWriter(name, StandardCharsets.UTF_8);
    }

    // The pairs. Single quotes stand for double ones.

    static void pair(String group, String writer, String reader, String... values) {
        List<String> all = new ArrayList<>();
        for (String value : values) {
            all.add(value.replace('\'', '"'));
        }
        pairs.add(new Pair(group, writer.replace('\'', '"'), reader.replace('\'', '"'), all));
    }

    static String prim(String name) {
        return "'" + name + "'";
    }

    static String record(String name, String... fields) {
        return "{'type':'record','name':'" + name + "','fields':[" + String.join(",", fields) + "]}";
    }

    static String field(String name, String type) {
        return "{'name':'" + name + "','type':" + type + "}";
    }

    static String field(String name, String type, String more) {
        return "{'name':'" + name + "','type':" + type + "," + more + "}";
    }

    static String array(String items) {
        return "{'type':'array','items':" + items + "}";
    }

    static String map(String values) {
        return "{'type':'map','values':" + values + "}";
    }

    static String symbols(String name, String symbols, String... more) {
        StringBuilder out = new StringBuilder("{'type':'enum','name':'" + name + "','symbols':[");
        String[] all = symbols.split(" ");
        for (int i = 0; i < all.length; i++) {
            out.append(i == 0 ? "'" : ",'").append(all[i]).append("'");
        }
        out.append("]");
        for (String each : more) {
            out.append(",").append(each);
        }
        return out + "}";
    }

    static String fixed(String name, int size, String... more) {
        return "{'type':'fixed','name':'" + name + "','size':" + size
            + (more.length > 0 ? "," + String.join(",", more) : "") + "}";
    }

    static String logical(String type, String logical) {
        return "{'type':'" + type + "','logicalType':'" + logical + "'}";
    }

    static String union(String... branches) {
        return "[" + String.join(",", branches) + "]";
    }

    static final Map<String, String[]> EDGES = new LinkedHashMap<>();

    static {
        EDGES.put("int", new String[] {"0", "-1", "2147483647", "-2147483648", "64"});
        EDGES.put("long", new String[] {"0", "9223372036854775807", "-9223372036854775808", "9007199254740993"});
        EDGES.put("float", new String[] {"0.5", "-3.4028235E38", "1.0E-45"});
        EDGES.put("double", new String[] {"0.5", "-1.5E300"});
        EDGES.put("bytes", new String[] {"''", "'\\u0000\\u00ff'", "'abc'", "'\\u00c3\\u00a9'"});
        EDGES.put("string", new String[] {"''", "'h\\u00e9llo \\ud83e\\udd80'"});
        EDGES.put("boolean", new String[] {"true", "false"});
        EDGES.put("null", new String[] {"null"});
    }

    static void primitives() {
        for (String writer : PRIMITIVES) {
            for (String reader : PRIMITIVES) {
                pair("primitive", prim(writer), prim(reader), EDGES.get(writer));
            }
        }
    }

    static void logical() {
        List<String> all = List.of(
            logical("int", "date"), logical("int", "time-millis"), logical("long", "time-micros"),
            logical("long", "timestamp-millis"), logical("long", "timestamp-micros"),
            logical("long", "timestamp-nanos"), logical("long", "local-timestamp-millis"),
            logical("long", "local-timestamp-micros"), logical("long", "local-timestamp-nanos"),
            logical("string", "uuid"), logical("bytes", "big-decimal"),
            "{'type':'bytes','logicalType':'decimal','precision':9,'scale':2}",
            fixed("D", 8, "'logicalType':'decimal','precision':12,'scale':4"),
            fixed("U", 16, "'logicalType':'uuid'"), fixed("P", 12, "'logicalType':'duration'"));
        for (String type : all) {
            pair("logical", type, type);
        }
        // To and from the plain type.
        pair("logical", logical("int", "date"), "'int'", "0", "-1", "20000");
        pair("logical", "'int'", logical("int", "date"), "0", "-1", "20000");
        pair("logical", logical("int", "date"), "'long'", "20000");
        pair("logical", "'int'", logical("long", "timestamp-millis"), "0", "-1", "86399999");
        pair("logical", "'long'", logical("long", "timestamp-micros"), "0", "-1", "1700000000123456");
        pair("logical", logical("long", "timestamp-nanos"), "'double'", "1700000000123456789");
        pair("logical", logical("string", "uuid"), "'string'");
        pair("logical", "'string'", logical("string", "uuid"), "'01234567-89ab-cdef-0123-456789abcdef'");
        pair("logical", logical("string", "uuid"), "'bytes'");
        pair("logical", "'bytes'", "{'type':'bytes','logicalType':'decimal','precision':9,'scale':2}",
            "'\\u0001'", "'\\u00ff'", "'\\u0000\\u0080'");
        pair("logical", "{'type':'bytes','logicalType':'decimal','precision':5,'scale':2}",
            "{'type':'bytes','logicalType':'decimal','precision':9,'scale':2}", "'\\u0001'", "'\\u00ff'");
    }

    static void named() {
        pair("enum", symbols("E", "A B C"), symbols("E", "A B C"), "'A'", "'C'");
        pair("enum", symbols("E", "A B C"), symbols("E", "C B A"), "'A'", "'B'", "'C'");
        pair("enum", symbols("E", "A B C"), symbols("E", "A B C D"), "'A'", "'B'", "'C'");
        pair("enum", symbols("E", "A B C"), symbols("E", "C"), "'A'", "'B'", "'C'");
        pair("enum", symbols("E", "A B C"), symbols("E", "C U", "'default':'U'"), "'A'", "'B'", "'C'");
        pair("enum", symbols("E", "A B C"), symbols("E", "U", "'default':'U'"), "'A'", "'B'", "'C'");
        pair("enum", symbols("E", "A B", "'default':'A'"), symbols("E", "B"), "'A'", "'B'");
        pair("enum", symbols("x.E", "A B"), symbols("y.E", "B A"), "'A'", "'B'");
        pair("enum", symbols("x.E", "A B"), symbols("y.F", "B A"), "'A'", "'B'");
        pair("enum", symbols("x.E", "A B"), symbols("y.F", "B A", "'aliases':['x.E']"), "'A'", "'B'");
        pair("enum", symbols("E", "A"), "'string'", "'A'");
        pair("enum", "'string'", symbols("E", "A"), "'A'");
        pair("fixed", fixed("F", 3), fixed("F", 3), "'abc'", "'\\u0000\\u00ff\\u0080'");
        pair("fixed", fixed("F", 3), fixed("F", 4), "'abc'");
        pair("fixed", fixed("x.F", 3), fixed("y.F", 3), "'abc'");
        pair("fixed", fixed("F", 3), fixed("G", 3), "'abc'");
        pair("fixed", fixed("x.F", 3), fixed("G", 3, "'aliases':['x.F']"), "'abc'");
        pair("fixed", fixed("F", 3), "'bytes'", "'abc'");
        pair("fixed", "'bytes'", fixed("F", 3), "'abc'");
        pair("fixed", fixed("F", 0), fixed("F", 0), "''");
        pair("fixed", fixed("F", 2), symbols("F", "A B"), "'ab'");
    }

    static void containers() {
        pair("array", array("'int'"), array("'int'"), "[]", "[1]", "[1,-1,64,1000000]");
        pair("array", array("'int'"), array("'long'"), "[]", "[1,-1,64,1000000]");
        pair("array", array("'float'"), array("'double'"), "[]", "[0.5,0.25]");
        pair("array", array("'bytes'"), array("'string'"), "['a','']");
        pair("array", array("'int'"), array("'string'"), "[1]");
        pair("array", array("'int'"), array(union("'null'", "'long'")), "[]", "[1,2]");
        pair("array", array(union("'null'", "'int'")), array("'long'"), "[{'int':1}]", "[{'int':1},null]");
        pair("array", array(union("'null'", "'int'")), array(union("'double'", "'null'")),
            "[{'int':1},null,{'int':3}]");
        pair("array", array("'null'"), array("'null'"), "[null,null]");
        pair("array", array("'null'"), array(union("'int'", "'null'")), "[null,null]");
        pair("array", array(array("'int'")), array(array("'long'")), "[]", "[[],[1],[2,3]]");
        pair("array", array("'int'"), map("'int'"), "[1]");
        pair("array", array(symbols("E", "A B C D")), array(symbols("E", "D A", "'default':'D'")),
            "['A','B','C','D']");
        pair("array", array(record("R", field("a", "'int'"), field("b", "'string'"))),
            array(record("R", field("b", "'string'"), field("a", "'long'"))),
            "[{'a':1,'b':'x'},{'a':2,'b':''}]");
        pair("map", map("'int'"), map("'int'"), "{}", "{'a':1}");
        pair("map", map("'int'"), map("'double'"), "{}", "{'a':1,'b':-1}");
        pair("map", map("'string'"), map("'bytes'"), "{'k':'\\u00e9'}");
        pair("map", map("'string'"), map("'int'"), "{'k':'v'}");
        pair("map", map(array("'int'")), map(array("'float'")), "{'k':[1,2],'l':[]}");
        pair("map", map(union("'null'", "'int'")), map(union("'int'", "'null'")), "{'k':null,'l':{'int':3}}");
        pair("map", map("'int'"), array("'int'"), "{'k':1}");
        pair("map", map("'int'"), record("R", field("k", "'int'")), "{'k':1}");
        pair("map", map(map("'boolean'")), map(map("'boolean'")), "{'a':{'b':true}}");
    }

    static void unions() {
        String r1 = record("x.R", field("a", "'int'"));
        String r2 = record("y.R", field("a", "'int'"), field("b", "'int'", "'default':7"));
        String s1 = record("x.S", field("a", "'string'"));
        pair("union", union("'null'", "'int'"), union("'null'", "'int'"), "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), union("'int'", "'null'"), "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), union("'null'", "'string'"), "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), union("'null'", "'long'"), "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), "'int'", "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), "'double'", "null", "{'int':1}");
        pair("union", union("'null'", "'int'"), "'null'", "null", "{'int':1}");
        pair("union", "'int'", union("'null'", "'int'"), "1");
        pair("union", "'null'", union("'int'", "'null'"), "null");
        // Exactly the type goes before a promotion, also if it stands behind.
        pair("union", "'int'", union("'long'", "'int'"), "1");
        pair("union", "'int'", union("'double'", "'float'", "'long'"), "1");
        pair("union", "'int'", union("'string'", "'float'", "'double'"), "1");
        pair("union", "'long'", union("'int'", "'double'", "'float'"), "1", "9007199254740993");
        pair("union", "'float'", union("'int'", "'double'"), "0.5");
        pair("union", "'string'", union("'null'", "'bytes'"), "'abc'");
        pair("union", "'bytes'", union("'null'", "'string'"), "'abc'", "'\\u00ff'");
        pair("union", "'string'", union("'bytes'", "'string'"), "'abc'");
        pair("union", "'boolean'", union("'null'", "'int'"), "true");
        pair("union", union("'int'", "'string'"), union("'string'", "'bytes'", "'double'"), "{'int':1}",
            "{'string':'a'}");
        pair("union", union("'int'", "'long'", "'float'", "'double'"), "'double'", "{'int':1}", "{'long':2}",
            "{'float':0.5}", "{'double':0.25}");
        pair("union", union("'int'", "'long'", "'float'"), "'float'", "{'int':1}", "{'long':2}", "{'float':0.5}");
        pair("union", union("'string'", "'bytes'"), "'string'", "{'string':'a'}", "{'bytes':'b'}",
            "{'bytes':'\\u00ff'}");
        pair("union", union("'string'", "'bytes'"), "'bytes'", "{'string':'a'}", "{'bytes':'b'}");
        pair("union", union("'int'", "'boolean'"), "'int'", "{'int':1}", "{'boolean':true}");
        pair("union", union("'boolean'", "'string'"), "'int'", "{'boolean':true}", "{'string':''}");
        pair("union", union("'null'", array("'int'")), union(array("'long'"), "'null'"), "null", "{'array':[1,2]}");
        pair("union", union("'null'", map("'int'")), map("'long'"), "null", "{'map':{'a':1}}");
        pair("union", union("'null'", r1), union("'null'", r1), "null", "{'x.R':{'a':1}}");
        pair("union", union("'null'", r1), union(r2, "'null'"), "null", "{'x.R':{'a':1}}");
        pair("union", union("'null'", r1), union(s1, "'null'"), "null");
        pair("union", r1, union("'null'", r2, r1), "{'a':1}");
        pair("union", r1, union("'null'", r2), "{'a':1}");
        pair("union", union(r1, s1), union(s1, r1), "{'x.R':{'a':1}}", "{'x.S':{'a':'v'}}");
        pair("union", union(r1, s1), r1, "{'x.R':{'a':1}}");
        pair("union", symbols("E", "A B"), union("'null'", symbols("E", "B A")), "'A'", "'B'");
        pair("union", union("'null'", symbols("E", "A B")), union("'null'", symbols("E", "A")), "null",
            "{'E':'A'}", "{'E':'B'}");
        pair("union", fixed("F", 2), union("'null'", fixed("G", 2, "'aliases':['F']")), "'ab'");
        pair("union", union("'int'"), union("'int'"), "{'int':1}");
        pair("union", union("'int'"), "'long'", "{'int':1}");
        pair("union", "'int'", union("'long'"), "1");
        pair("union", union(logical("int", "date"), "'string'"), union("'null'", "'string'", logical("int", "date")),
            "{'int':20000}", "{'string':'s'}");
        pair("union", union("'string'", r1, array("'int'"), map("'int'"), symbols("x.E", "A B"), fixed("x.F", 1)),
            union(fixed("x.F", 1), symbols("x.E", "B A"), map("'long'"), array("'double'"),
                record("x.R", field("a", "'float'")), "'bytes'"),
            "{'string':'s'}", "{'x.R':{'a':1}}", "{'array':[1]}", "{'map':{'k':1}}", "{'x.E':'A'}", "{'x.F':'f'}");
    }

    static final List<String> TYPES = List.of(
        "'null'", "'boolean'", "'int'", "'long'", "'float'", "'double'", "'bytes'", "'string'",
        array("'string'"), map("'long'"), array(array("'int'")), map(array(union("'null'", "'double'"))),
        symbols("Skipped", "A B"), fixed("Skipped", 5), union("'null'", "'string'", "'long'"),
        record("Skipped", field("x", "'string'"), field("y", array("'boolean'")), field("z", map("'int'"))));

    static void records() {
        String ab = record("R", field("a", "'int'"), field("b", "'string'"));
        pair("record", ab, ab, "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("b", "'string'"), field("a", "'int'")), "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("a", "'int'")), "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("b", "'string'")), "{'a':1,'b':'x'}");
        pair("record", ab, record("R"), "{'a':1,'b':'x'}");
        pair("record", record("R"), record("R"), "{}");
        pair("record", ab, record("R", field("a", "'int'"), field("b", "'string'"), field("c", "'int'")),
            "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("a", "'string'"), field("b", "'string'")), "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("a", "'double'"), field("b", "'bytes'")), "{'a':1,'b':'x'}");
        pair("record", record("x.R", field("a", "'int'")), record("y.R", field("a", "'int'")), "{'a':1}");
        pair("record", record("R", field("a", "'int'")), record("S", field("a", "'int'")), "{'a':1}");
        pair("record", record("x.R", field("a", "'int'")),
            "{'type':'record','name':'y.S','aliases':['x.R'],'fields':[" + field("a", "'long'") + "]}", "{'a':1}");
        pair("record", ab, record("R", field("z", "'string'", "'aliases':['b']"), field("a", "'int'")),
            "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("z", "'string'", "'aliases':['q','b']"), field("a", "'int'")),
            "{'a':1,'b':'x'}");
        pair("record", ab, record("R", field("z", "'long'", "'aliases':['a']"), field("c", "'string'", "'default':''")),
            "{'a':1,'b':'x'}");
        pair("record", ab, "'int'", "{'a':1,'b':'x'}");
        pair("record", ab, map("'int'"), "{'a':1,'b':'x'}");
        String inner = record("In", field("x", "'int'"), field("y", "'string'"));
        String changed = record("In", field("y", "'string'"), field("w", "'double'", "'default':1.5"),
            field("x", "'long'"));
        pair("record", record("R", field("a", inner), field("b", "'In'")),
            record("R", field("b", changed), field("a", "'In'")),
            "{'a':{'x':1,'y':'p'},'b':{'x':2,'y':'q'}}");
        pair("record", record("R", field("a", union("'null'", inner))),
            record("R", field("a", union(changed, "'null'"))), "{'a':null}", "{'a':{'In':{'x':1,'y':'p'}}}");
        pair("record", record("R", field("a", array(inner)), field("m", map("'In'"))),
            record("R", field("m", map(changed)), field("a", array("'In'"))),
            "{'a':[{'x':1,'y':'p'}],'m':{'k':{'x':2,'y':'q'}}}");
        for (String type : TYPES) {
            pair("skip", record("R", field("before", "'int'"), field("gone", type), field("after", "'string'")),
                record("R", field("after", "'string'"), field("before", "'long'")));
        }
    }

    static void defaults() {
        String[][] all = {
            {"'null'", "null"}, {"'boolean'", "true"}, {"'int'", "-5"}, {"'long'", "5000000000"},
            {"'float'", "0.5"}, {"'double'", "-2.5"}, {"'bytes'", "'\\u0000\\u00ff'"}, {"'string'", "'d\\u00e9f'"},
            {array("'int'"), "[1,2]"}, {array("'int'"), "[]"}, {map("'string'"), "{'k':'v'}"},
            {symbols("E", "A B"), "'B'"}, {fixed("F", 2), "'\\u0001\\u00fe'"},
            {union("'null'", "'int'"), "null"}, {union("'int'", "'null'"), "3"}, {union("'string'", "'null'"), "'s'"},
            {record("In", field("x", "'int'"), field("y", "'string'", "'default':'why'")), "{'x':4,'y':'z'}"},
            {record("In", field("x", array(record("Deep", field("d", "'double'"))))), "{'x':[{'d':0.25}]}"},
            {map(array(union("'null'", "'int'"))), "{'k':[null,null]}"},
            {logical("int", "date"), "20000"}, {logical("long", "timestamp-millis"), "1700000000123"},
            {"{'type':'bytes','logicalType':'decimal','precision':4,'scale':2}", "'\\u0004\\u00d2'"},
        };
        for (String[] each : all) {
            pair("default", record("R", field("a", "'int'")),
                record("R", field("d", each[0], "'default':" + each[1]), field("a", "'int'")), "{'a':1}");
        }
        pair("default", record("R", field("in", record("In", field("x", "'int'")))),
            record("R", field("in", record("In", field("y", "'string'", "'default':'new'"), field("x", "'int'"))),
                field("e", "'In'", "'default':{'x':9,'y':'given'}")),
            "{'in':{'x':1}}");
    }

    static void recursion() {
        String list = record("L", field("v", "'int'"), field("n", union("'null'", "'L'")));
        pair("recursion", list, list, "{'v':1,'n':null}", "{'v':1,'n':{'L':{'v':2,'n':{'L':{'v':3,'n':null}}}}}");
        pair("recursion", list, record("L", field("n", union("'null'", "'L'")), field("v", "'long'")),
            "{'v':1,'n':null}", "{'v':1,'n':{'L':{'v':2,'n':{'L':{'v':3,'n':null}}}}}");
        pair("recursion", list,
            record("L", field("t", "'string'", "'default':'t'"), field("n", union("'L'", "'null'"))),
            "{'v':1,'n':null}", "{'v':1,'n':{'L':{'v':2,'n':null}}}");
        pair("recursion", list, record("L", field("v", "'int'")), "{'v':1,'n':null}",
            "{'v':1,'n':{'L':{'v':2,'n':null}}}");
        String tree = record("T", field("v", "'string'"), field("c", array("'T'")));
        pair("recursion", tree, record("T", field("c", array("'T'")), field("v", "'bytes'")), "{'v':'a','c':[]}",
            "{'v':'a','c':[{'v':'b','c':[]},{'v':'c','c':[{'v':'d','c':[]}]}]}");
        pair("recursion", tree, record("T", field("v", "'string'")),
            "{'v':'a','c':[{'v':'b','c':[]},{'v':'c','c':[{'v':'d','c':[]}]}]}");
        String mutual = record("A", field("b", union("'null'", record("B", field("a", union("'null'", "'A'")),
            field("x", "'int'")))));
        String other = record("A", field("b", union("'null'", record("B", field("x", "'long'"),
            field("a", union("'null'", "'A'"))))));
        pair("recursion", mutual, other, "{'b':null}", "{'b':{'B':{'a':{'A':{'b':null}},'x':5}}}");
        pair("recursion", record("M", field("m", map("'M'")), field("i", "'int'")),
            record("M", field("i", "'double'"), field("m", map("'M'"))), "{'m':{},'i':1}",
            "{'m':{'k':{'m':{},'i':2}},'i':1}");
    }

    /** Schemas that are compared each with each. */
    static List<String> zoo() {
        List<String> all = new ArrayList<>(List.of(
            "'int'", "'double'", "'string'", array("'int'"), array("'long'"), map("'string'"), map("'bytes'"),
            union("'null'", "'int'"), union("'null'", "'long'", "'string'"), union("'int'", "'string'"),
            symbols("E", "A B"), symbols("E", "A"), symbols("E", "A", "'default':'A'"), symbols("x.E", "B A C"),
            fixed("E", 4), fixed("F", 4), fixed("x.F", 8),
            record("R", field("a", "'int'")), record("R", field("a", "'long'"), field("b", "'int'", "'default':0")),
            record("R", field("a", "'long'"), field("b", "'int'")),
            record("x.R", field("c", "'long'", "'aliases':['a']")),
            record("R", field("a", union("'null'", "'int'"), "'default':null")),
            "{'type':'record','name':'S','aliases':['R'],'fields':[" + field("a", "'double'") + "]}",
            union("'null'", record("R", field("a", "'int'")))));
        all.replaceAll(text -> text.replace('\'', '"'));
        return all;
    }

    // What Java makes of them.

    static Schema parse(String text) {
        return new Schema.Parser().parse(text);
    }

    static String resolve(Pair pair, int seed) throws IOException {
        Schema writer = parse(pair.writer);
        Schema reader = parse(pair.reader);
        List<Object> data = new ArrayList<>();
        for (String value : pair.values) {
            data.add(new GenericDatumReader<>(writer).read(null, DecoderFactory.get().jsonDecoder(writer, value)));
        }
        Random random = new Random(seed);
        for (int i = 0; i < RANDOM; i++) {
            data.add(random(writer, random, 0));
        }
        Map<String, String> vectors = new LinkedHashMap<>();
        for (Object datum : data) {
            for (boolean blocks : new boolean[] {false, true}) {
                byte[] bytes = write(writer, datum, blocks);
                vectors.put(HexFormat.of().formatHex(bytes), read(writer, reader, bytes));
            }
        }
        StringBuilder out = new StringBuilder();
        out.append("{\"group\":").append(quote(pair.group)).append(",\"writer\":").append(pair.writer)
            .append(",\"reader\":").append(pair.reader).append(",\"vectors\":[");
        String comma = "";
        for (Map.Entry<String, String> vector : vectors.entrySet()) {
            out.append(comma).append("{\"bytes\":").append(quote(vector.getKey())).append(",")
                .append(vector.getValue()).append("}");
            comma = ",";
        }
        return out.append("]}").toString();
    }

    static byte[] write(Schema schema, Object datum, boolean blocks) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        EncoderFactory factory = new EncoderFactory().configureBlockSize(64);
        BinaryEncoder encoder = blocks ? factory.blockingBinaryEncoder(out, null) : factory.directBinaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(datum, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    static String read(Schema writer, Schema reader, byte[] bytes) {
        try {
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, null);
            Object value = new GenericDatumReader<>(writer, reader).read(null, decoder);
            if (!decoder.isEnd()) {
                throw new IllegalStateException("bytes are left");
            }
            return "\"value\":" + render(reader, value);
        } catch (Malformed | IllegalStateException error) {
            throw error;
        } catch (Exception error) {
            return "\"error\":" + quote(error.getClass().getSimpleName());
        }
    }

    static String compatibility(String group, String writer, String reader) {
        String result = SchemaCompatibility.checkReaderWriterCompatibility(parse(reader), parse(writer)).getType().name();
        return "{\"group\":" + quote(group) + ",\"writer\":" + writer + ",\"reader\":" + reader + ",\"compatible\":"
            + result.equals("COMPATIBLE") + "}";
    }

    // Random values.

    static final String[] TEXTS = {"", "a", "\u00e9", "\ud83e\udd80", "longer than a few bytes, so that blocks fill up"};

    static Object random(Schema schema, Random random, int depth) {
        String logical = schema.getProp("logicalType");
        switch (schema.getType()) {
            case NULL:
                return null;
            case BOOLEAN:
                return random.nextBoolean();
            case INT:
                return logical == null ? random.nextInt() >> random.nextInt(32)
                    : logical.equals("date") ? random.nextInt(100_000) - 50_000 : random.nextInt(86_400_000);
            case LONG:
                return logical == null ? random.nextLong() >> random.nextInt(64) : number(logical, random);
            case FLOAT:
                return random.nextInt(2000) / 8f - 100;
            case DOUBLE:
                return random.nextInt(2000) / 16.0 - 50;
            case BYTES:
                return ByteBuffer.wrap(bytes(schema, logical, random));
            case STRING:
                return "uuid".equals(logical) ? new UUID(random.nextLong(), random.nextLong()).toString()
                    : TEXTS[random.nextInt(TEXTS.length)];
            case ARRAY: {
                List<Object> items = new ArrayList<>();
                for (int i = size(random, depth); i > 0; i--) {
                    items.add(random(schema.getElementType(), random, depth + 1));
                }
                return items;
            }
            case MAP: {
                Map<String, Object> entries = new TreeMap<>();
                for (int i = size(random, depth); i > 0; i--) {
                    entries.put("k" + i, random(schema.getValueType(), random, depth + 1));
                }
                return entries;
            }
            case UNION: {
                List<Schema> branches = schema.getTypes();
                boolean end = depth > 4 && branches.get(0).getType() == Schema.Type.NULL;
                return random(branches.get(end ? 0 : random.nextInt(branches.size())), random, depth + 1);
            }
            case ENUM: {
                List<String> symbols = schema.getEnumSymbols();
                return new GenericData.EnumSymbol(schema, symbols.get(random.nextInt(symbols.size())));
            }
            case FIXED: {
                byte[] bytes = new byte[schema.getFixedSize()];
                random.nextBytes(bytes);
                if ("decimal".equals(logical)) {
                    java.util.Arrays.fill(bytes, 0, bytes.length - 4, (byte) (bytes[bytes.length - 4] >> 7));
                }
                return new GenericData.Fixed(schema, bytes);
            }
            case RECORD: {
                GenericData.Record record = new GenericData.Record(schema);
                for (Schema.Field field : schema.getFields()) {
                    record.put(field.pos(), random(field.schema(), random, depth + 1));
                }
                return record;
            }
            default:
                throw new IllegalStateException(schema.toString());
        }
    }

    static int size(Random random, int depth) {
        return depth > 4 ? 0 : random.nextInt(4);
    }

    static long number(String logical, Random random) {
        long seconds = random.nextLong(4_000_000_000L) - 2_000_000_000L;
        long fraction = random.nextBoolean() ? 0 : random.nextInt(1_000_000_000);
        if (logical.endsWith("nanos")) {
            return seconds * 1_000_000_000 + fraction;
        }
        if (logical.equals("time-micros")) {
            return random.nextLong(86_400_000_000L);
        }
        return logical.endsWith("micros") ? seconds * 1_000_000 + fraction / 1000 : seconds * 1000 + fraction / 1_000_000;
    }

    static byte[] bytes(Schema schema, String logical, Random random) {
        if ("decimal".equals(logical)) {
            return BigInteger.valueOf(random.nextInt(199_999) - 99_999).toByteArray();
        }
        if ("big-decimal".equals(logical)) {
            BigDecimal number = new BigDecimal(BigInteger.valueOf(random.nextLong() >> random.nextInt(64)), random.nextInt(12));
            return new Conversions.BigDecimalConversion()
                .toBytes(number, schema, LogicalTypes.bigDecimal()).array();
        }
        byte[] bytes = new byte[random.nextInt(6)];
        random.nextBytes(bytes);
        return bytes;
    }

    // Readable JSON.

    /** The value is not one of the logical type: a failure for who reads logical types. */
    static class Malformed extends RuntimeException {
        Malformed(String message) {
            super(message);
        }
    }

    static String render(Schema schema, Object value) {
        String logical = schema.getProp("logicalType");
        switch (schema.getType()) {
            case NULL:
                return "null";
            case BOOLEAN:
                return value.toString();
            case INT:
            case LONG:
                return logical == null ? value.toString() : quote(time(logical, ((Number) value).longValue()));
            case FLOAT:
                return shortest((Float) value);
            case DOUBLE:
                return value.toString();
            case STRING:
                return quote(value.toString());
            case BYTES: {
                byte[] bytes = new byte[((ByteBuffer) value).remaining()];
                ((ByteBuffer) value).duplicate().get(bytes);
                return quote(blob(schema, logical, bytes));
            }
            case FIXED:
                return quote(blob(schema, logical, ((GenericFixed) value).bytes()));
            case ENUM:
                return quote(((GenericEnumSymbol<?>) value).toString());
            case ARRAY: {
                List<String> items = new ArrayList<>();
                for (Object item : (List<?>) value) {
                    items.add(render(schema.getElementType(), item));
                }
                return "[" + String.join(",", items) + "]";
            }
            case MAP: {
                Map<String, String> entries = new TreeMap<>();
                ((Map<?, ?>) value).forEach((key, each) ->
                    entries.put(key.toString(), quote(key.toString()) + ":" + render(schema.getValueType(), each)));
                return "{" + String.join(",", entries.values()) + "}";
            }
            case UNION:
                return render(schema.getTypes().get(GenericData.get().resolveUnion(schema, value)), value);
            case RECORD: {
                List<String> fields = new ArrayList<>();
                for (Schema.Field field : schema.getFields()) {
                    fields.add(quote(field.name()) + ":" + render(field.schema(), ((IndexedRecord) value).get(field.pos())));
                }
                return "{" + String.join(",", fields) + "}";
            }
            default:
                throw new IllegalStateException(schema.toString());
        }
    }

    /** The fewest digits that are this float. */
    static String shortest(float value) {
        if (Float.isNaN(value) || Float.isInfinite(value)) {
            return quote(Float.toString(value));
        }
        for (int digits = 0; digits < 10; digits++) {
            String text = String.format(Locale.ROOT, "%." + digits + "e", value);
            if (Float.parseFloat(text) == value) {
                return text;
            }
        }
        throw new IllegalStateException();
    }

    static String time(String logical, long number) {
        if (logical.equals("date")) {
            return day(number);
        }
        int digits = logical.endsWith("millis") ? 3 : logical.endsWith("micros") ? 6 : 9;
        long unit = Math.round(Math.pow(10, digits));
        long seconds = Math.floorDiv(number, unit);
        long fraction = Math.floorMod(number, unit);
        long day = Math.floorDiv(seconds, 86_400L);
        long rest = Math.floorMod(seconds, 86_400L);
        String clock = String.format("%02d:%02d:%02d", rest / 3600, rest / 60 % 60, rest % 60);
        if (fraction > 0) {
            clock += String.format(".%0" + digits + "d", fraction);
        }
        if (logical.startsWith("time-")) {
            return clock;
        }
        return day(day) + "T" + clock + (logical.startsWith("local") ? "" : "Z");
    }

    /** A year beyond 9999 has a sign and at least six digits. */
    static String day(long number) {
        LocalDate date = LocalDate.ofEpochDay(number);
        boolean usual = date.getYear() >= 0 && date.getYear() <= 9999;
        return String.format(usual ? "%04d-%02d-%02d" : "%+07d-%02d-%02d", date.getYear(), date.getMonthValue(),
            date.getDayOfMonth());
    }

    static String blob(Schema schema, String logical, byte[] bytes) {
        if ("decimal".equals(logical)) {
            int scale = ((LogicalTypes.Decimal) schema.getLogicalType()).getScale();
            BigInteger unscaled = bytes.length == 0 ? BigInteger.ZERO : new BigInteger(bytes);
            return new BigDecimal(unscaled, scale).toPlainString();
        }
        if ("big-decimal".equals(logical)) {
            return new Conversions.BigDecimalConversion()
                .fromBytes(ByteBuffer.wrap(bytes), schema, LogicalTypes.bigDecimal()).toString();
        }
        if ("uuid".equals(logical)) {
            ByteBuffer both = ByteBuffer.wrap(bytes);
            return new UUID(both.getLong(), both.getLong()).toString();
        }
        if ("duration".equals(logical)) {
            ByteBuffer parts = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            long months = Integer.toUnsignedLong(parts.getInt());
            long days = Integer.toUnsignedLong(parts.getInt());
            long millis = Integer.toUnsignedLong(parts.getInt());
            String fraction = millis % 1000 == 0 ? "" : String.format(".%03d", millis % 1000);
            return "P" + months + "M" + days + "D" + "T" + millis / 1000 + fraction + "S";
        }
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
