using System.Net.Mime;
using Microsoft.AspNetCore.ResponseCompression;

namespace OpsPlatform.Gateway.Edge;

/// <summary>JSON answers are compressed; event streams never are, so that each frame leaves when it is written.</summary>
internal static class Compression
{
    public static void AddCompression(this WebApplicationBuilder builder) => builder.Services.AddResponseCompression(compression =>
    {
        // Callers prove themselves by a header no other site can send, so guessing by compressed length (BREACH) has no way in.
        compression.EnableForHttps = true;
        compression.MimeTypes = [MediaTypeNames.Application.Json, MediaTypeNames.Application.ProblemJson];
        compression.Providers.Add<BrotliCompressionProvider>();
        compression.Providers.Add<GzipCompressionProvider>();
    });
}
