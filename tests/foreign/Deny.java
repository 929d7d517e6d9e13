import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Denies everyone to write in transactions of an id. */
public final class Deny {
    private Deny() {}

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        String id = options.text("--transactional-id");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.text("--brokers")))) {
            ResourcePattern resource = new ResourcePattern(ResourceType.TRANSACTIONAL_ID, id, PatternType.LITERAL);
            AccessControlEntry entry =
                    new AccessControlEntry("User:*", "*", AclOperation.ALL, AclPermissionType.DENY);
            admin.createAcls(List.of(new AclBinding(resource, entry))).all().get();
        }
    }
}
