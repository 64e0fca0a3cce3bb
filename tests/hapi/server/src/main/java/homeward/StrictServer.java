package homeward;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.interceptor.api.IInterceptorService;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.packages.IPackageInstallerSvc;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec.InstallModeEnum;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.validation.JpaValidationSupportChain;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.server.Server;
import org.hl7.fhir.utilities.npm.NpmPackage;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Serves FHIR R4 on 127.0.0.1 until it is killed, from memory, with every write validated.
 *
 * <p>{@code StrictServer PORT PACKAGE.tgz…} loads the profiles of the packages, then says {@code ready} on a line.
 */
final class StrictServer {

  public static void main(String[] arguments) throws Exception {
    var port = Integer.parseInt(arguments[0]);
    var beans = new AnnotationConfigApplicationContext(Storage.class);
    var fhir = beans.getBean(FhirContext.class);
    beans.getBean(JpaValidationSupportChain.class).addValidationSupport(0, new TrustedCodes(fhir));
    for (var file : List.of(arguments).subList(1, arguments.length)) {
      load(beans.getBean(IPackageInstallerSvc.class), Files.readAllBytes(Path.of(file)));
    }
    serve(port, rest(beans, "http://127.0.0.1:" + port + "/fhir"));
    System.out.println("ready");
  }

  /** The profiles and code lists of an implementation guide; those it builds on are not fetched from anywhere. */
  private static void load(IPackageInstallerSvc installer, byte[] tgz) throws Exception {
    var guide = NpmPackage.fromPackage(new ByteArrayInputStream(tgz));
    var wanted = new PackageInstallationSpec();
    wanted.setName(guide.name()).setVersion(guide.version()).setPackageContents(tgz);
    wanted.setFetchDependencies(false).setInstallMode(InstallModeEnum.STORE_AND_INSTALL);
    List.of("StructureDefinition", "ValueSet", "CodeSystem").forEach(wanted::addInstallResourceTypes);
    installer.install(wanted);
  }

  private static RestfulServer rest(ApplicationContext beans, String base) {
    var server = new RestfulServer(beans.getBean(FhirContext.class));
    server.setServerAddressStrategy(new HardcodedServerAddressStrategy(base));
    server.setInterceptorService(beans.getBean(IInterceptorService.class));
    server.setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
    server.registerProvider(beans.getBean(JpaSystemProvider.class));
    server.registerProviders(
        ((ResourceProviderFactory) beans.getBean("myResourceProvidersR4")).createProviders());
    server.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(
            server,
            beans.getBean(IFhirSystemDao.class),
            beans.getBean(JpaStorageSettings.class),
            beans.getBean(ISearchParamRegistry.class),
            beans.getBean(IValidationSupport.class)));
    server.registerInterceptor(new ValidationOfWrites(beans.getBean(IValidationSupport.class)));
    return server;
  }

  private static void serve(int port, RestfulServer rest) throws Exception {
    var context = new ServletContextHandler();
    context.addServlet(rest, "/fhir/*");
    var web = new Server(new InetSocketAddress("127.0.0.1", port));
    web.setHandler(context);
    web.start();
  }
}
