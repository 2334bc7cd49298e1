using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>Says of every POST whether it takes an Idempotency-Key, and why not.</summary>
internal static class KeyDescription
{
    /// <summary>The extension that holds an exempt endpoint's reason.</summary>
    private const string Exempt = "x-no-idempotency-key";

    public static void AddTo(OpenApiOperation operation, IReadOnlyList<object> metadata)
    {
        if (!metadata.OfType<IHttpMethodMetadata>().Any(methods => methods.HttpMethods.Contains(HttpMethods.Post)))
        {
            return;
        }

        if (metadata.OfType<NoIdempotencyKey>().LastOrDefault() is { Reason: var reason })
        {
            operation.Description = $"{operation.Description}\n\nTakes no {IdempotencyKey.Header}: {reason}".Trim();
            operation.Extensions ??= new Dictionary<string, IOpenApiExtension>();
            operation.Extensions[Exempt] = new JsonNodeExtension(JsonValue.Create(reason));
        }

        if (!IdempotencyKey.IsTakenBy(metadata))
        {
            return;
        }

        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = IdempotencyKey.Header,
            In = ParameterLocation.Header,
            Description = "Your own name for this request, such as a random UUID. Sent again with the same key within 24 hours, the same request is not "
                + $"done again: it gets the first one's answer, with {IdempotencyKey.ReplayedHeader}: true. Printable ASCII, quoted or bare.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = IdempotencyKey.MaxChars },
        });
        operation.Responses ??= [];
        foreach (var (status, meaning) in new[]
        {
            ("409", "The state does not allow it; or a request with the same Idempotency-Key is at work (idempotency-in-progress)."),
            ("422", "The content cannot be used; or the Idempotency-Key belongs to another request (idempotency-key-reused)."),
        })
        {
            operation.Responses.TryAdd(status, new OpenApiResponse
            {
                Description = meaning,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() },
            });
        }
    }
}
