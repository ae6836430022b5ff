import com.couchbase.lite.Blob;
import com.couchbase.lite.CouchbaseLite;
import com.couchbase.lite.CouchbaseLiteException;
import com.couchbase.lite.Database;
import com.couchbase.lite.DatabaseConfiguration;
import com.couchbase.lite.LogLevel;
import com.couchbase.lite.MutableDocument;
import com.couchbase.lite.Replicator;
import com.couchbase.lite.ReplicatorActivityLevel;
import com.couchbase.lite.ReplicatorConfiguration;
import com.couchbase.lite.ReplicatorType;
import com.couchbase.lite.URLEndpoint;

import java.io.File;
import java.net.URI;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;

/**
 * A program that uses Couchbase Lite and knows nothing of c4trace: pushes documents and a blob to one URL, pulls them back from another.
 *
 * <p>Arguments: FOLDER PUSH_URL PULL_URL DOCUMENTS BLOB_BYTES END. What END says it does once all is replicated, and, unless it is
 * "return", while its sessions are open: "exit:3", "halt:4", "wait" (for a signal).
 */
public final class Replicate {
    public static void main(String[] arguments) throws Exception {
        File folder = new File(arguments[0]);
        int documents = Integer.parseInt(arguments[3]);
        byte[] blob = new byte[Integer.parseInt(arguments[4])];
        new Random(1).nextBytes(blob);
        String end = arguments[5];
        boolean staysOpen = !end.equals("return");

        CouchbaseLite.init(false, folder, folder);
        Database.log.getConsole().setLevel(LogLevel.NONE);
        DatabaseConfiguration here = new DatabaseConfiguration().setDirectory(folder.getPath());
        Database from = new Database("from", here);
        Database to = new Database("to", here);
        fill(from, documents, blob);
        System.out.println("pid " + ProcessHandle.current().pid());

        Replicator push = replicate(from, arguments[1], ReplicatorType.PUSH, staysOpen);
        System.out.println("pushed " + from.getCount());
        Replicator pull = replicate(to, arguments[2], ReplicatorType.PULL, staysOpen);
        System.out.println("pulled " + to.getCount());
        Blob pulled = to.getDocument("blob").getBlob("content");
        System.out.println("blob " + (Arrays.equals(pulled.getContent(), blob) ? "equal" : "different"));
        System.err.println("no error, done");

        if (end.equals("wait")) {
            System.out.println("waiting");
            new CountDownLatch(1).await();
        } else if (end.startsWith("exit:")) {
            System.exit(Integer.parseInt(end.substring(5)));
        } else if (end.startsWith("halt:")) {
            Runtime.getRuntime().halt(Integer.parseInt(end.substring(5)));
        }
        push.close();
        pull.close();
        from.close();
        to.close();
        System.exit(0); // OkHttp's idle threads would keep the process for a minute
    }

    private static void fill(Database database, int documents, byte[] blob) throws CouchbaseLiteException {
        database.inBatch(() -> {
            for (int i = 0; i < documents; i++) {
                database.save(new MutableDocument("document-" + i).setInt("number", i).setString("text", "document " + i + " of " + documents));
            }
            database.save(new MutableDocument("blob").setBlob("content", new Blob("application/octet-stream", blob)));
        });
    }

    /** Starts it, and waits until it has stopped or, where it stays open, is idle. */
    private static Replicator replicate(Database database, String url, ReplicatorType type, boolean staysOpen) throws Exception {
        ReplicatorConfiguration configuration =
            new ReplicatorConfiguration(database, new URLEndpoint(new URI(url))).setType(type).setContinuous(staysOpen);
        Replicator replicator = new Replicator(configuration);
        CountDownLatch done = new CountDownLatch(1);
        replicator.addChangeListener(change -> {
            CouchbaseLiteException error = change.getStatus().getError();
            if (error != null) {
                System.out.println(type + " failed: " + error.getDomain() + " " + error.getCode());
            }
            ReplicatorActivityLevel level = change.getStatus().getActivityLevel();
            if (level == ReplicatorActivityLevel.STOPPED || (staysOpen && level == ReplicatorActivityLevel.IDLE)) {
                done.countDown();
            }
        });
        replicator.start();
        done.await();
        return replicator;
    }
}
