import java.util.ArrayList;
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

/** Allows a user some operations on a resource. */
public final class Allow {
    private Allow() {}

    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        ResourceType type = ResourceType.fromString(options.text("--type"));
        ResourcePattern resource = new ResourcePattern(type, options.text("--name"), PatternType.LITERAL);
        List<AclBinding> bindings = new ArrayList<>();
        for (String operation : options.text("--operations").split(",")) {
            bindings.add(new AclBinding(
                    resource,
                    new AccessControlEntry(
                            "User:" + options.text("--user"),
                            "*",
                            AclOperation.fromString(operation),
                            AclPermissionType.ALLOW)));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.text("--brokers")))) {
            admin.createAcls(bindings).all().get();
        }
    }
}
