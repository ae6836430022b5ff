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
import java.util.concurrent.CountDownLatch;

/** Pushes ten documents from the folder `data` to the database at $SYNC_URL, and knows nothing of c4trace. */
public final class App {
    public static void main(String[] arguments) throws Exception {
        File folder = new File("data");
        folder.mkdir();
        CouchbaseLite.init(false, folder, folder);
        Database.log.getConsole().setLevel(LogLevel.ERROR);
        Database database = new Database("orders", new DatabaseConfiguration().setDirectory(folder.getPath()));
        for (int i = 0; i < 10; i++) {
            database.save(new MutableDocument("order-" + i).setInt("number", i));
        }
        Replicator replicator = new Replicator(
            new ReplicatorConfiguration(database, new URLEndpoint(new URI(System.getenv("SYNC_URL")))).setType(ReplicatorType.PUSH));
        CountDownLatch stopped = new CountDownLatch(1);
        replicator.addChangeListener(change -> {
            if (change.getStatus().getActivityLevel() == ReplicatorActivityLevel.STOPPED) {
                stopped.countDown();
            }
        });
        replicator.start();
        stopped.await();
        CouchbaseLiteException error = replicator.getStatus().getError();
        System.out.println(error == null ? "pushed " + database.getCount() : error.getMessage());
        System.exit(error == null ? 0 : 1); // OkHttp's idle threads would keep the process for a minute
    }
}
