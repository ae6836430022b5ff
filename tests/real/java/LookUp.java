import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * A program that reaches LiteCore by JNA alone and knows nothing of c4trace; its factory hangs up after some writes.
 *
 * <p>Arguments: LIBLITECORE FOLDER WRITES. It prints, as JSON, how often its callbacks were called and what they called.
 */
public final class LookUp {
    private static final byte NO_FRAMING = 1;
    private static final byte WEBSOCKET = 6;
    private static final int GOING_AWAY = 1001;
    private static final int ONE_SHOT = 2;
    private static final int CREATE = 1;
    private static final int LOG_NOTHING = 5;
    private static final List<Object> KEPT = new ArrayList<>();

    @FieldOrder({"buf", "size"})
    public static class Slice extends Structure {
        public Pointer buf;
        public NativeLong size;

        public static class ByValue extends Slice implements Structure.ByValue {}
    }

    @FieldOrder({"domain", "code", "internal"})
    public static class Failure extends Structure {
        public byte domain;
        public int code;
        public int internal;

        public static class ByValue extends Failure implements Structure.ByValue {}
    }

    @FieldOrder({"scheme", "hostname", "port", "path"})
    public static class Address extends Structure {
        public Slice scheme;
        public Slice hostname;
        public short port;
        public Slice path;

        public static class ByValue extends Address implements Structure.ByValue {}
    }

    @FieldOrder({"parent", "flags", "key"})
    public static class Config extends Structure {
        public Slice parent;
        public int flags;
        public byte[] key = new byte[36];
    }

    @FieldOrder({"framing", "context", "open", "write", "completedReceive", "close", "requestClose", "dispose"})
    public static class Factory extends Structure {
        public byte framing = NO_FRAMING;
        public Pointer context;
        public Open open;
        public Write write;
        public CompletedReceive completedReceive;
        public Pointer close;
        public RequestClose requestClose;
        public Dispose dispose;
    }

    @FieldOrder({"push", "pull", "options", "unused", "factory"})
    public static class Parameters extends Structure {
        public int push = ONE_SHOT;
        public int pull = ONE_SHOT;
        public Slice options;
        public Pointer[] unused = new Pointer[8];
        public Pointer factory;

        public static class ByValue extends Parameters implements Structure.ByValue {}
    }

    public interface Open extends Callback {
        void invoke(Pointer socket, Pointer address, Slice.ByValue options, Pointer context);
    }

    public interface Write extends Callback {
        void invoke(Pointer socket, Slice.ByValue data);
    }

    public interface CompletedReceive extends Callback {
        void invoke(Pointer socket, NativeLong n);
    }

    public interface RequestClose extends Callback {
        void invoke(Pointer socket, int status, Slice.ByValue message);
    }

    public interface Dispose extends Callback {
        void invoke(Pointer socket);
    }

    public interface Core extends Library {
        void c4log_setCallbackLevel(int level);

        Slice.ByValue FLData_ConvertJSON(Slice.ByValue json, Pointer error);

        Pointer c4db_openNamed(Slice.ByValue name, Config config, Failure error);

        Pointer c4repl_new(Pointer database, Address.ByValue address, Slice.ByValue name, Parameters.ByValue parameters, Failure error);

        void c4repl_start(Pointer replicator, boolean reset);

        void c4socket_gotHTTPResponse(Pointer socket, int status, Slice.ByValue headers);

        void c4socket_opened(Pointer socket);

        void c4socket_completedWrite(Pointer socket, NativeLong n);

        void c4socket_closed(Pointer socket, Failure.ByValue error);

        Pointer c4socket_retain(Pointer socket);

        void c4socket_release(Pointer socket);

        void _FLBuf_Release(Pointer buffer);
    }

    private final Core core;
    private final int writes;
    private final Map<String, Long> counts = new TreeMap<>();
    private final CountDownLatch over = new CountDownLatch(2);

    private LookUp(Core core, int writes) {
        this.core = core;
        this.writes = writes;
    }

    private synchronized long count(String name, long n) {
        return counts.merge(name, n, Long::sum);
    }

    private void open(Pointer socket) {
        count("open", 1);
        Slice.ByValue headers = core.FLData_ConvertJSON(slice("{\"Sec-WebSocket-Protocol\":\"BLIP_3+CBMobile_2\"}"), null);
        count("gotHTTPResponse", 1);
        core.c4socket_gotHTTPResponse(socket, 101, headers);
        core._FLBuf_Release(headers.buf);
        count("opened", 1);
        core.c4socket_opened(socket);
    }

    private void write(Pointer socket, Slice.ByValue data) {
        long n = count("write", 1);
        count("written", data.size.longValue());
        core._FLBuf_Release(data.buf);
        count("completedWrite", 1);
        core.c4socket_completedWrite(socket, data.size);
        if (n == writes) {
            core.c4socket_retain(socket);
            new Thread(() -> hangUp(socket)).start();
        }
    }

    private void hangUp(Pointer socket) {
        Failure.ByValue error = new Failure.ByValue();
        error.domain = WEBSOCKET;
        error.code = GOING_AWAY;
        count("closed", 1);
        core.c4socket_closed(socket, error);
        core.c4socket_release(socket);
        over.countDown();
    }

    private void dispose() {
        count("dispose", 1);
        over.countDown();
    }

    private Factory factory() {
        Factory factory = new Factory();
        factory.open = (socket, address, options, context) -> open(socket);
        factory.write = this::write;
        factory.completedReceive = (socket, n) -> {};
        factory.requestClose = (socket, status, message) -> {};
        factory.dispose = socket -> dispose();
        factory.write();
        KEPT.add(factory);
        return factory;
    }

    private void replicate(String folder) {
        Config config = new Config();
        config.parent = slice(folder);
        config.flags = CREATE;
        Failure error = new Failure();
        Pointer database = core.c4db_openNamed(slice("db"), config, error);
        Address.ByValue address = new Address.ByValue();
        address.scheme = slice("ws");
        address.hostname = slice("nowhere.test");
        address.port = 4984;
        address.path = slice("/db");
        Parameters.ByValue parameters = new Parameters.ByValue();
        parameters.options = core.FLData_ConvertJSON(slice("{\"maxRetries\":0}"), null);
        parameters.factory = factory().getPointer();
        Pointer replicator = core.c4repl_new(database, address, slice("db"), parameters, error);
        if (replicator == null) {
            throw new IllegalStateException("c4repl_new: domain " + error.domain + ", code " + error.code);
        }
        core.c4repl_start(replicator, false);
    }

    private static Slice.ByValue slice(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Memory memory = new Memory(bytes.length);
        memory.write(0, bytes, 0, bytes.length);
        KEPT.add(memory);
        Slice.ByValue slice = new Slice.ByValue();
        slice.buf = memory;
        slice.size = new NativeLong(bytes.length);
        return slice;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Core core = Native.load(arguments[0], Core.class);
        core.c4log_setCallbackLevel(LOG_NOTHING);
        LookUp host = new LookUp(core, Integer.parseInt(arguments[2]));
        host.replicate(arguments[1]);
        if (!host.over.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the replicator did not get so far: " + host.counts);
        }
        System.out.println(host.counts.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}")));
    }
}
