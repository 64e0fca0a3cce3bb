package homeward;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binstore.DatabaseBinaryContentStorageSvcImpl;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.jpa.topic.SubscriptionTopicConfig;
import jakarta.persistence.EntityManagerFactory;
import java.util.Map;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.hl7.fhir.dstu2.model.Subscription.SubscriptionChannelType;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.PlatformTransactionManager;

/** HAPI's storage in an H2 database in memory, and the rules that make it strict. */
@Configuration
@Import({
  HapiJpaConfig.class,
  JpaR4Config.class,
  ThreadPoolFactoryConfig.class,
  // Storage deletes and reindexes through background jobs, even where none is ever started.
  JpaBatch2Config.class,
  Batch2JobsConfig.class,
  SubscriptionChannelConfig.class,
  SubscriptionProcessorConfig.class,
  SubscriptionSubmitterConfig.class,
  SubscriptionTopicConfig.class
})
class Storage {

  private static final String IN_MEMORY = "jdbc:h2:mem:strict;DB_CLOSE_DELAY=-1";

  /** A reference must lead to a resource that is here and of a type that the element allows. */
  @Bean
  JpaStorageSettings rules() {
    var rules = new JpaStorageSettings();
    rules.setEnforceReferentialIntegrityOnWrite(true);
    rules.setEnforceReferenceTargetTypes(true);
    rules.setAllowExternalReferences(false);
    // A test reads what it wrote a moment ago.
    rules.setReuseCachedSearchResultsForMillis(null);
    // The profiles are loaded into an empty server: there is nothing to index anew.
    rules.setMarkResourcesForReindexingUponSearchParameterChange(false);
    return rules;
  }

  @Bean
  SubscriptionSettings notifications() {
    var notifications = new SubscriptionSettings();
    notifications.addSupportedSubscriptionType(SubscriptionChannelType.RESTHOOK);
    notifications.setSubscriptionChangeQueuedImmediately(true);
    return notifications;
  }

  @Bean
  PartitionSettings undivided() {
    return new PartitionSettings();
  }

  @Bean
  IBinaryStorageSvc attachments() {
    return new DatabaseBinaryContentStorageSvcImpl();
  }

  /** Asked for by the subscriptions; nobody here is written to. */
  @Bean
  IEmailSender nobody() {
    return message -> {};
  }

  @Bean(destroyMethod = "close")
  BasicDataSource database() {
    var database = new BasicDataSource();
    database.setDriverClassName("org.h2.Driver");
    database.setUrl(IN_MEMORY);
    database.setMaxTotal(24);
    return database;
  }

  @Bean
  LocalContainerEntityManagerFactoryBean entityManagerFactory(
      ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings rules, DataSource database) {
    var entities = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, rules);
    entities.setPersistenceUnitName("strict");
    entities.setDataSource(database);
    var hibernate = new Properties();
    hibernate.putAll(
        Map.of(
            "hibernate.dialect", HapiFhirH2Dialect.class.getName(),
            "hibernate.hbm2ddl.auto", "create",
            "hibernate.search.enabled", "false"));
    entities.setJpaProperties(hibernate);
    return entities;
  }

  @Bean
  PlatformTransactionManager transactionManager(EntityManagerFactory entities) {
    return new JpaTransactionManager(entities);
  }
}
