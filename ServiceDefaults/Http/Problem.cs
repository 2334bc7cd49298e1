using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>Builds RFC 9457 problems with a stable type.</summary>
public static class Problem
{
    private const string TypePrefix = "https://opsplatform.dev/problems/";

    /// <param name="slug">The stable end of the type; a client may switch on it.</param>
    /// <param name="detail">What happened to this request, and what to do about it.</param>
    public static ProblemHttpResult Of(
        string slug, int status, string title, string? detail = null, params (string Key, object? Value)[] more) =>
        TypedResults.Problem(
            type: Type(slug),
            statusCode: status,
            title: title,
            detail: detail,
            extensions: more.ToDictionary(pair => pair.Key, pair => pair.Value));

    /// <summary>The same refusal for another request: writing one puts the request's trace id into it, so no two may share it.</summary>
    public static ProblemHttpResult Copy(ProblemHttpResult problem) => TypedResults.Problem(
        type: problem.ProblemDetails.Type,
        statusCode: problem.StatusCode,
        title: problem.ProblemDetails.Title,
        detail: problem.ProblemDetails.Detail,
        extensions: new Dictionary<string, object?>(problem.ProblemDetails.Extensions));

    public static string Type(string slug) => TypePrefix + slug;
}
