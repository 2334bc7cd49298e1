using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>Request bodies of more than 1 MiB are refused with 413, before anything is done when their length is announced.</summary>
public static class BodyLimit
{
    public const long MaxBytes = 1024 * 1024;

    /// <summary>So much of a refused body is read to its end, so that the caller hears the refusal instead of a broken connection.</summary>
    private const long MaxDrainedBytes = 16 * MaxBytes;

    public static ProblemHttpResult Problem => Http.Problem.Of(
        "body-too-large", StatusCodes.Status413PayloadTooLarge, "The request body is too large.", Detail, ("maxBytes", MaxBytes));

    internal static string Detail { get; } = string.Create(CultureInfo.InvariantCulture, $"At most {MaxBytes} bytes are taken.");

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

    internal static void UseBodyLimit(this IApplicationBuilder app) => app.Use((context, next) =>
        context.Request.ContentLength > MaxBytes ? Refuse(context) : next(context));

    private static Task Refuse(HttpContext context)
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

        return Problem.ExecuteAsync(context);
    }
}
