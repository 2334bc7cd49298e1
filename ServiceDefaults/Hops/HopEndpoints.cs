using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Hops;

/// <summary>What this service did because of a request, step by step.</summary>
internal static class HopEndpoints
{
    public static void MapHops(this WebApplication app, string service) =>
        app.MapApi($"/{service}").MapGet("/hops", Handle).WithTags("hops")
            .WithSummary("What this service did because of a request: rows, messages and feed entries with their times, oldest first.");

    private static async Task<Page<Hop>> Handle(
        [Description("The X-Correlation-Id of a request; up to 16 of them.")] Guid[] correlationId,
        [Description("Also feed entries about this entity, whatever caused them.")] string? entityId,
        Caller caller, HopReader reader, CancellationToken cancel)
    {
        const int MaxCorrelations = 16;
        return correlationId.Length is >= 1 and <= MaxCorrelations
            ? new([.. (await reader.Read(caller.Org, correlationId, entityId, cancel)).OrderBy(hop => hop.At)], null)
            : throw new BadHttpRequestException($"Give correlationId, from once to {MaxCorrelations} times.");
    }
}
