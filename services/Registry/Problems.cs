using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Registry;

/// <summary>Every refusal this service can answer.</summary>
internal static class Problems
{
    public static ProblemHttpResult UnknownClient => Problem.Of(
        "unknown-client", 401, "The service's name or its secret is wrong.",
        "Send Basic authorization with the service's name and its Client__Secret; the registry knows it as Clients__{service}.");

    public static ProblemHttpResult NotYourName(string caller) => Problem.Of(
        "not-your-name", 403, "A service speaks only for itself.", $"The secret is that of '{caller}'.");

    public static ProblemHttpResult NotYourInstance(Guid id) => Problem.Of(
        "not-your-instance", 403, "The instance is somebody else's.", $"{id} was registered with another key. Register under a new id.");

    public static ProblemHttpResult NoSuchInstance(Guid id) => Problem.Of(
        "not-found", 404, "There is no such instance.", $"{id} is not registered, or was forgotten a day after it stopped.");

    public static ProblemHttpResult NoSuchService(string name) => Problem.Of(
        "not-found", 404, "There is no such service.", $"'{name}' is not registered, and the registry holds no secret of that name.");

    public static ProblemHttpResult AddressRefused(string reason) => Problem.Of(
        "address-refused", 422, "No instance can be reached there.", $"The address {reason}. Set ADVERTISED_URL to the instance's own.");

    public static ProblemHttpResult AddressTaken(string address, string service) => Problem.Of(
        "address-taken", 409, "Another instance answers at this address.",
        $"{address} is held by a live instance of '{service}'. Give each instance an ADVERTISED_URL of its own, or wait until the other's lease is over.");

    public static ProblemHttpResult TooManyInstances(string service, int most) => Problem.Of(
        "too-many-instances", 409, "The service has as many instances as it may have.",
        $"{most} live instances of '{service}' are registered. Stop some, or wait until the leases of those that are gone are over.");

    public static ProblemHttpResult InstanceStopped(Guid id) => Problem.Of(
        "instance-stopped", 409, "The instance said goodbye.", $"{id} was deregistered. Register under a new id.");

    public static ProblemHttpResult Stopping => Problem.Of(
        "stopping", 503, "This replica of the registry is stopping.", "Ask another one, or again in a moment.");

    public static ProblemHttpResult BadReport(string what) => Problem.Of(
        "invalid", 400, "Some values are not acceptable.", "See errors for each value.",
        ("errors", new Dictionary<string, string[]> { [what] = ["must be starting, healthy, degraded or unhealthy"] }));
}
