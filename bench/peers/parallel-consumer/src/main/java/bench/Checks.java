package bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/** What every handler does, and what proves the run: the same as in `bench/checks`. */
final class Checks {
    private static final long MULTIPLIER = 2_654_435_761L;

    private final String kind;
    private final long records;
    private final int keys;
    private final long workMicros;
    private final int inFlight;
    private final long started = ManagementFactory.getRuntimeMXBean().getStartTime();
    private final AtomicLongArray count;
    private final AtomicLongArray last;
    private final AtomicLongArray worked;
    private final AtomicLong sum = new AtomicLong();
    private final AtomicLong disorder = new AtomicLong();
    private final AtomicLong handled = new AtomicLong();
    private final AtomicLong othersHandled = new AtomicLong();
    private final AtomicLong firstNanos = new AtomicLong();
    private final CountDownLatch done = new CountDownLatch(1);
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private volatile long firstMillis;
    private volatile long lastNanos;
    private volatile long othersNanos;
    private volatile double cpuSeconds;
    private volatile Exception failure;

    Checks(Map<String, String> given) {
        kind = given.get("kind");
        records = Long.parseLong(given.get("records"));
        keys = Integer.parseInt(given.get("keys"));
        workMicros = Long.parseLong(given.get("work"));
        inFlight = Integer.parseInt(given.get("in-flight"));
        count = new AtomicLongArray(keys);
        last = new AtomicLongArray(keys);
        worked = new AtomicLongArray(keys);
    }

    void handle(long sequence, long field) throws Exception {
        if (firstNanos.get() == 0 && firstNanos.compareAndSet(0, System.nanoTime())) {
            firstMillis = System.currentTimeMillis();
        }
        int key = (int) (sequence % keys);
        if (last.getAndSet(key, sequence + 1) > sequence) {
            disorder.incrementAndGet();
        }
        sum.addAndGet(field);
        long before = System.nanoTime();
        work(key);
        worked.addAndGet(key, System.nanoTime() - before);
        count.incrementAndGet(key);
        if (key != 0 && othersHandled.incrementAndGet() == records - ofKey(0)) {
            othersNanos = System.nanoTime();
        }
        if (handled.incrementAndGet() == records) {
            lastNanos = System.nanoTime();
            cpuSeconds = cpu();
            done.countDown();
        }
    }

    private void work(int key) throws Exception {
        switch (kind) {
            case "drain":
                break;
            case "sleep":
                Thread.sleep(workMicros / 1000);
                break;
            case "slow":
                if (key == 0) {
                    Thread.sleep(workMicros / 1000);
                }
                break;
            case "cpu":
                long until = threads.getCurrentThreadCpuTime() + workMicros * 1000;
                while (threads.getCurrentThreadCpuTime() < until) {
                    Thread.onSpinWait();
                }
                break;
            default:
                throw new IllegalArgumentException("this contender does not know " + kind);
        }
    }

    void fail(Exception e) {
        failure = e;
        done.countDown();
    }

    private long ofKey(int key) {
        return records / keys + (key < records % keys ? 1 : 0);
    }

    private static double cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getProcessCpuTime()
                / 1e9;
    }

    /** Waits for the end, checks the run, and gives its report. */
    String await() throws Exception {
        done.await();
        if (failure != null) {
            throw failure;
        }
        long expected = 0;
        for (long sequence = 0; sequence < records; sequence++) {
            expected += Long.remainderUnsigned(sequence * MULTIPLIER, 100_000);
        }
        for (int key = 0; key < keys; key++) {
            if (count.get(key) != ofKey(key)) {
                throw new IllegalStateException("not each record was handled once");
            }
        }
        if (sum.get() != expected) {
            throw new IllegalStateException("the checksum is " + sum.get() + " instead of " + expected);
        }
        if (disorder.get() != 0) {
            throw new IllegalStateException(disorder.get() + " records came out of order");
        }
        long first = firstNanos.get();
        return String.format(
                Locale.ROOT,
                "{\"elapsed_s\":%.6f,\"first_s\":%.3f,\"cpu_s\":%.3f,\"rss_mb\":%.1f,\"switches\":%d,\"ideal_s\":%s,"
                        + "\"others_s\":%s,\"ordered\":true}",
                (lastNanos - first) / 1e9,
                (firstMillis - started) / 1e3,
                cpuSeconds,
                status("VmHWM") * 1024 / 1e6,
                switches(),
                ideal(),
                kind.equals("slow") ? (othersNanos - first) / 1e9 + "" : "null");
    }

    private String ideal() {
        if (kind.equals("cpu")) {
            int places = Math.min(Runtime.getRuntime().availableProcessors(), inFlight);
            return workMicros / 1e6 * records / places + "";
        }
        if (!kind.equals("sleep")) {
            return "null";
        }
        long longest = 0;
        long all = 0;
        for (int key = 0; key < keys; key++) {
            longest = Math.max(longest, worked.get(key));
            all += worked.get(key);
        }
        return Math.max(longest, (double) all / inFlight) / 1e9 + "";
    }

    /** A figure of this process; the first number of its line. */
    private static long status(String name) throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(name + ":")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return 0;
    }

    /** Of all threads that still run. */
    private static long switches() throws Exception {
        long sum = 0;
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path task : tasks) {
                for (String line : Files.readAllLines(task.resolve("status"))) {
                    if (line.contains("ctxt_switches:")) {
                        sum += Long.parseLong(line.replaceAll("[^0-9]", ""));
                    }
                }
            }
        }
        return sum;
    }
}
