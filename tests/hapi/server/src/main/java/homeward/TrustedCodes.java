package homeward;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.util.Set;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.ValueSet;

/**
 * Believes any code of the large terminologies, which no one may put on a test server without a licence.
 *
 * <p>A value set that names such a terminology as a whole, or by a filter, takes all its codes; one that lists its codes
 * is held to its list.
 */
final class TrustedCodes implements IValidationSupport {

  private static final Set<String> LICENSED =
      Set.of(
          "http://snomed.info/sct",
          "http://loinc.org",
          "http://hl7.org/fhir/sid/icd-10-cm",
          "http://www.nlm.nih.gov/research/umls/rxnorm",
          "http://www.ama-assn.org/go/cpt");

  private final FhirContext fhir;

  TrustedCodes(FhirContext fhir) {
    this.fhir = fhir;
  }

  @Override
  public FhirContext getFhirContext() {
    return fhir;
  }

  @Override
  public boolean isCodeSystemSupported(ValidationSupportContext root, String system) {
    return LICENSED.contains(system);
  }

  @Override
  public boolean isValueSetSupported(ValidationSupportContext root, String url) {
    return LICENSED.stream().anyMatch(system -> takesAll(valueSet(root, url), system));
  }

  @Override
  public CodeValidationResult validateCode(
      ValidationSupportContext root,
      ConceptValidationOptions options,
      String system,
      String code,
      String display,
      String url) {
    return url == null
        ? believed(LICENSED.contains(system), code, display)
        : validateCodeInValueSet(root, options, system, code, display, valueSet(root, url));
  }

  @Override
  public CodeValidationResult validateCodeInValueSet(
      ValidationSupportContext root,
      ConceptValidationOptions options,
      String system,
      String code,
      String display,
      IBaseResource valueSet) {
    return believed(takesAll(valueSet, system), code, display);
  }

  private static IBaseResource valueSet(ValidationSupportContext root, String url) {
    return url == null ? null : root.getRootValidationSupport().fetchValueSet(url);
  }

  private static boolean takesAll(IBaseResource resource, String system) {
    if (!LICENSED.contains(String.valueOf(system)) || !(resource instanceof ValueSet valueSet)) {
      return false;
    }
    return valueSet.getCompose().getInclude().stream()
        .anyMatch(part -> system.equals(part.getSystem()) && part.getConcept().isEmpty());
  }

  /** Null leaves the question to whoever is asked next. */
  private static CodeValidationResult believed(boolean trusted, String code, String display) {
    return trusted ? new CodeValidationResult().setCode(code).setDisplay(display) : null;
  }
}
