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

/** Denies all users all operations on a resource, or removes that rule. */
public final class Deny {
    private Deny() {}

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        ResourceType type = ResourceType.fromString(options.text("--type"));
        ResourcePattern resource = new ResourcePattern(type, options.text("--name"), PatternType.LITERAL);
        AccessControlEntry entry =
                new AccessControlEntry("User:*", "*", AclOperation.ALL, AclPermissionType.DENY);
        AclBinding binding = new AclBinding(resource, entry);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.text("--brokers")))) {
            if (options.text("--change").equals("remove")) {
                admin.deleteAcls(List.of(binding.toFilter())).all().get();
            } else {
                admin.createAcls(List.of(binding)).all().get();
            }
        }
    }
}
