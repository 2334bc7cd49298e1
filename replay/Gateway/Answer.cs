using System.Net;
using System.Text;
using System.Text.Json;

namespace OpsPlatform.Replay.Gateway;

/// <summary>What a service said.</summary>
/// <param name="Attempt">Above 1: earlier attempts were lost and may have been carried out.</param>
internal sealed record Answer(HttpMethod Method, string Path, HttpStatusCode Status, byte[] Body, int Attempt)
{
    private const string ProblemPrefix = "https://opsplatform.dev/problems/";
    private const int LongestQuote = 500;

    private sealed record Problem(string? Type, string? Title, string? Detail, string? TraceId);

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary>The last part of the problem's type, such as "id-taken"; null when the answer is no problem of ours.</summary>
    public string? Slug => ReadProblem()?.Type is { } type && type.StartsWith(ProblemPrefix, StringComparison.Ordinal) ? type[ProblemPrefix.Length..] : null;

    public T Read<T>()
    {
        try
        {
            return JsonSerializer.Deserialize<T>(Body, GatewayClient.Json) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new ServicesException($"{Method} {Path} answered {(int)Status} with something else than promised: {error.Message}", error);
        }
    }

    public ServicesException Failure(string? about = null) => new($"{(about is null ? "" : about + ": ")}{Method} {Path} answered {Describe()}");

    public string Describe()
    {
        if (ReadProblem() is { Title: not null } problem)
        {
            var trace = problem.TraceId is null ? "" : $" (trace {problem.TraceId})";

            return $"{(int)Status} {Slug ?? problem.Type}: {problem.Detail ?? problem.Title}{trace}";
        }

        var text = Encoding.UTF8.GetString(Body);

        return $"{(int)Status} {Status} {text[..Math.Min(text.Length, LongestQuote)]}".TrimEnd();
    }

    private Problem? ReadProblem()
    {
        if (IsSuccess || Body.Length == 0)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<Problem>(Body, GatewayClient.Json);
        }
        catch (JsonException)
        {
            // A proxy in between answers as it likes; Describe quotes it.
            return null;
        }
    }
}
