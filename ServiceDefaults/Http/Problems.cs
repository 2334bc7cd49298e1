using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Npgsql;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>Turns every refusal and fault into a problem, once, here.</summary>
internal static class ProblemSetup
{
    public static void AddProblems(this IServiceCollection services)
    {
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(options => Json.Configure(options.SerializerOptions));
        services.AddProblemDetails(options => options.CustomizeProblemDetails = context =>
        {
            var problem = context.ProblemDetails;
            problem.Extensions["traceId"] = Activity.Current?.TraceId.ToString() ?? context.HttpContext.TraceIdentifier;
            if (problem.Type is null || !problem.Type.StartsWith(Problem.Type(""), StringComparison.Ordinal))
            {
                problem.Type = Problem.Type(Slug(problem.Status ?? 500));
            }
        });
        services.AddSingleton<IProblemDetailsWriter, WriteWhateverIsAccepted>();
        services.AddExceptionHandler<FaultHandler>();
    }

    public static void UseProblems(this IApplicationBuilder app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use((http, next) => Unreadable(http.Request) is { } refusal ? refusal.ExecuteAsync(http) : next(http));
    }

    /// <summary>What no endpoint could read, and what would break only further on: at the proxy or in the database.</summary>
    private static ProblemHttpResult? Unreadable(HttpRequest request)
    {
        foreach (var (name, values) in request.Headers)
        {
            if (values.Any(value => value is not null && !Ascii.IsValid(value)))
            {
                return Problem.Of("invalid", 400, "A header cannot be read.", $"{name} holds a character outside ASCII.");
            }
        }

        if (request.QueryString.Value?.Contains("%00", StringComparison.Ordinal) == true)
        {
            return Problem.Of("invalid", 400, "The query cannot be read.", "It holds the character U+0000, which no text here may.");
        }

        if (request.Headers.ContentEncoding.Any(coding => !string.Equals(coding, "identity", StringComparison.OrdinalIgnoreCase)))
        {
            return Problem.Of("unsupported-media-type", 415, "The body is compressed.", "Send it as it is, without Content-Encoding.");
        }

        // The framework meets an encoding it does not know with a fault of its own.
        return !MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.Charset.HasValue
            || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
                ? null
                : Problem.Of("unsupported-media-type", 415, "The body's encoding is not known here.", "Send UTF-8.");
    }

    /// <summary>The framework's own writer stands back when the caller accepts no JSON; then the problem would come without its trace id.</summary>
    private sealed class WriteWhateverIsAccepted(IOptions<ProblemDetailsOptions> options) : IProblemDetailsWriter
    {
        public bool CanWrite(ProblemDetailsContext context) => true;

        public async ValueTask WriteAsync(ProblemDetailsContext context)
        {
            options.Value.CustomizeProblemDetails?.Invoke(context);
            var problem = context.ProblemDetails;
            await context.HttpContext.Response.WriteAsJsonAsync(
                problem, problem.GetType(), options: null, "application/problem+json", context.HttpContext.RequestAborted);
        }
    }

    private static string Slug(int status) => status switch
    {
        400 => "invalid",
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not-found",
        405 => "method-not-allowed",
        413 => "body-too-large",
        415 => "unsupported-media-type",
        429 => "too-many-requests",
        503 => "unavailable",
        _ => status < 500 ? "refused" : "fault",
    };
}

/// <summary>Maps what was thrown to an answer: a lost race is 409, a neighbour away is 503, the rest is ours and 500.</summary>
internal sealed partial class FaultHandler(IProblemDetailsService problems, ILogger<FaultHandler> log) : IExceptionHandler
{
    private const int RetryAfterSeconds = 1;

    public async ValueTask<bool> TryHandleAsync(HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is OperationCanceledException && http.RequestAborted.IsCancellationRequested)
        {
            http.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        var (status, slug, title, detail) = Describe(exception, http.Request.Method);
        if (status == StatusCodes.Status500InternalServerError)
        {
            Fault(exception, http.Request.Method, http.Request.Path);
        }
        else if (status == StatusCodes.Status503ServiceUnavailable)
        {
            http.Response.Headers.RetryAfter = RetryAfterSeconds.ToString();
            Unavailable(http.Request.Path, exception.Message);
        }
        else if (slug == "conflict")
        {
            Conflicted(http.Request.Path, exception.GetBaseException().Message);
        }

        http.Response.StatusCode = status;
        return await problems.TryWriteAsync(new()
        {
            HttpContext = http,
            ProblemDetails = { Type = Problem.Type(slug), Status = status, Title = title, Detail = detail },
        });
    }

    private static (int Status, string Slug, string Title, string? Detail) Describe(Exception exception, string method) => exception switch
    {
        BadHttpRequestException { StatusCode: 413 } =>
            (413, "body-too-large", "The request body is too large.", BodyLimit.Detail),
        BadHttpRequestException { InnerException: JsonException json } =>
            (400, "invalid-body", "The request body does not fit.", $"At {json.Path ?? "$"}: {JsonReason(json)}"),
        BadHttpRequestException bad => (bad.StatusCode, bad.StatusCode == 415 ? "unsupported-media-type" : "invalid", "The request does not fit.", BindingReason(bad.Message)),
        DbUpdateConcurrencyException => Conflict(),
        _ when Faults.SqlState(exception) is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure
            or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.ForeignKeyViolation => Conflict(),
        _ when Faults.SqlState(exception) is PostgresErrorCodes.NumericValueOutOfRange or PostgresErrorCodes.UntranslatableCharacter
            or PostgresErrorCodes.CharacterNotInRepertoire =>
            (400, "invalid", "A value cannot be stored.", "A number is out of range or a text holds a character that cannot be stored."),
        _ when Faults.SqlState(exception) is PostgresErrorCodes.LockNotAvailable =>
            (503, "unavailable", "Other work holds what this needs.", "Nothing was done. Try again in a moment."),
        SigningKeysUnavailableException =>
            (503, "unavailable", "Tokens cannot be checked.", "The identity service is away and its keys are not known here yet. Try again in a moment."),
        ServiceAwayException away =>
            (503, "unavailable", $"The {away.Service} service is away, which this one needs.", "Try again in a moment."),
        _ when Faults.IsDatabaseAway(exception) =>
            (503, "unavailable", "The database is away.", HttpMethods.IsGet(method) || HttpMethods.IsHead(method) ? "Try again in a moment." : MaybeDone),
        _ => (500, "fault", "Something broke on our side.", "It was logged under the trace id."),
    };

    /// <summary>The connection may have broken after the server took the commit and before it could say so.</summary>
    private const string MaybeDone =
        "It is not known whether the request was done. Send the same again in a moment, with the same Idempotency-Key: it is then done once. Without a key, look first.";

    private static (int Status, string Slug, string Title, string? Detail) Conflict() =>
        (409, "conflict", "Another request changed the same thing first.", "Read it again and repeat the request if it still applies.");

    /// <summary>The serializer's reasons without the names of our types.</summary>
    private static string JsonReason(JsonException json)
    {
        var end = json.Message.IndexOf(" Path:", StringComparison.Ordinal);
        var reason = end < 0 ? json.Message : json.Message[..end];
        if (Unmapped().Match(reason) is { Success: true } unmapped)
        {
            return $"'{unmapped.Groups["name"].Value}' is not a member known here.";
        }

        if (Missing().Match(reason) is { Success: true } missing)
        {
            return $"required and missing: {missing.Groups["names"].Value}";
        }

        return reason.Contains("OpsPlatform.", StringComparison.Ordinal) || reason.Contains("System.", StringComparison.Ordinal)
            ? "the value does not have the type or form that is asked for here."
            : reason;
    }

    /// <summary>Which query, path or header value could not be read, without the names of our types.</summary>
    private static string BindingReason(string message) =>
        Unbound().Match(message) is { Success: true } unbound
            ? $"{JsonNamingPolicy.CamelCase.ConvertName(unbound.Groups["name"].Value)}: '{unbound.Groups["value"].Value}' cannot be read."
            : Bodiless().IsMatch(message) ? "It has no body: send a JSON object, {} where nothing in it is required."
            : message;

    [GeneratedRegex("^The JSON property '(?<name>.*)' could not be mapped")]
    private static partial Regex Unmapped();

    [GeneratedRegex("was missing required properties[^:]*: (?<names>.*)$")]
    private static partial Regex Missing();

    [GeneratedRegex("but no body was provided|was not provided from body")]
    private static partial Regex Bodiless();

    [GeneratedRegex("^Failed to bind parameter \".* (?<name>\\w+)\" from \"(?<value>.*)\"")]
    private static partial Regex Unbound();

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void Fault(Exception exception, string method, string path);

    [LoggerMessage(LogLevel.Warning, "{Path} answered conflict: {Reason}")]
    private partial void Conflicted(string path, string reason);

    [LoggerMessage(LogLevel.Warning, "{Path} answered unavailable: {Reason}")]
    private partial void Unavailable(string path, string reason);
}
