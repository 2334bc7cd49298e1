using System.Net.Mime;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Gateway.Routing;

namespace OpsPlatform.Gateway.Documents;

/// <summary>What the gateway answers itself: where things are, and how to call them.</summary>
internal static class DocumentEndpoints
{
    public static void MapDocuments(this IEndpointRouteBuilder app)
    {
        app.MapGet("/", Index).AllowAnonymous();
        app.MapGet("/openapi.json", OpenApi).AllowAnonymous();
    }

    private static Ok<ApiIndex> Index() => TypedResults.Ok(new ApiIndex(
        "OpsPlatform",
        [.. Upstreams.Paths.Values.SelectMany(segments => segments).Select(segment => $"/{segment}")],
        new Links("/openapi.json", "/health", "/identity/.well-known/openid-configuration", Streams.Path)));

    private static async Task<ContentHttpResult> OpenApi(ApiDocument document, CancellationToken cancel) =>
        TypedResults.Content(await document.Get(cancel), MediaTypeNames.Application.Json);

    private sealed record ApiIndex(string Name, IReadOnlyList<string> Paths, Links Links);

    private sealed record Links(string OpenApi, string Health, string OpenIdConfiguration, string Feed);
}
