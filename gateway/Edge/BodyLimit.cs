using Microsoft.AspNetCore.Http.Features;

namespace OpsPlatform.Gateway.Edge;

/// <summary>Request bodies of more than 1 MiB are refused with 413, before a service is called when their length is announced.</summary>
internal static class BodyLimit
{
    public const long MaxBytes = 1024 * 1024;

    /// <summary>So much of a refused body is read to its end, so that the caller hears the refusal instead of a broken connection.</summary>
    private const long MaxDrainedBytes = 16 * MaxBytes;

    public static void AddBodyLimit(this WebApplicationBuilder builder) =>
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBytes;
        });

    public static void UseBodyLimit(this IApplicationBuilder app) => app.Use((context, next) =>
        context.Request.ContentLength > MaxBytes ? Refuse(context) : next(context));

    public static bool IsExceededIn(Exception? failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge })
            {
                return true;
            }
        }

        return false;
    }

    public static Task Refuse(HttpContext context)
    {
        if (context.Request.ContentLength <= MaxDrainedBytes && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // The server itself reads what is left, within its own time limit.
            limit.MaxRequestBodySize = MaxDrainedBytes;
        }
        else
        {
            context.Response.Headers.Connection = "close";
        }

        return Problems.BodyTooLarge(MaxBytes).ExecuteAsync(context);
    }
}
