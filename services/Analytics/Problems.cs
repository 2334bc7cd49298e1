using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics;

/// <summary>Every refusal this service answers.</summary>
internal static class Problems
{
    public static ProblemHttpResult TooManyTaxRates(int limit) => Problem.Of(
        "too-many-tax-rates", 409, "There are too many tax rates.", $"At most {limit} can be kept. Remove one first.", ("limit", limit));

    public static ProblemHttpResult RebuildRunning(Guid id) => Problem.Of(
        "rebuild-running", 409, "A rebuild is under way.", "An organisation has one at a time. Wait for it to end; see GET /analytics/rebuilds/{id}.", ("id", id));
}
