using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>The same as clients of Azure's long-running operations poll it: Succeeded, Failed and Canceled end the polling.</summary>
internal static class GetOperationStatus
{
    // The shape and the names of the states are those of "Asynchronous operations" in the Azure REST API guidelines.
    /// <param name="Id">Where it is asked for.</param>
    /// <param name="Status">NotStarted, Running, Succeeded, Failed or Canceled.</param>
    /// <param name="Properties">The result.</param>
    public record Response(
        string Id,
        string Name,
        string Status,
        double PercentComplete,
        DateTimeOffset CreatedDateTime,
        DateTimeOffset LastActionDateTime,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Fault? Error,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Properties);

    public record Fault(string Code, string Message);

    public static async Task<Results<Ok<Response>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, HttpContext http, OperationReader reader, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        http.AskToComeAgain(row);
        var operation = reader.View(row);
        return TypedResults.Ok(new Response(
            $"/operations/{id}/status", id.ToString(), Name(operation), operation.ProgressPercentage, operation.QueuedAt, operation.CompletedAt ?? operation.UpdatedAt,
            Of(operation), operation.Status == OperationStatus.Completed ? operation.Result : null));
    }

    private static string Name(OperationView operation) => operation.Status switch
    {
        // Between two attempts it has been started.
        OperationStatus.WaitingForApproval or OperationStatus.Approved => "NotStarted",
        OperationStatus.Queued => operation.Attempt == 0 ? "NotStarted" : "Running",
        OperationStatus.InProgress or OperationStatus.WaitingExternal or OperationStatus.Cancelling => "Running",
        OperationStatus.Completed => "Succeeded",
        OperationStatus.Failed or OperationStatus.Denied or OperationStatus.Expired or OperationStatus.TimedOut => "Failed",
        OperationStatus.Cancelled => "Canceled",
        _ => throw new InvalidOperationException($"{operation.Status} has no name there."),
    };

    private static Fault? Of(OperationView operation) => operation.Status switch
    {
        OperationStatus.Failed => new("OperationFailed", operation.ErrorMessage ?? "It failed."),
        OperationStatus.Denied => new("OperationDenied", operation.ErrorMessage ?? "It was denied."),
        OperationStatus.Expired => new("OperationExpired", operation.ErrorMessage ?? "Nobody decided or began in time."),
        OperationStatus.TimedOut => new("OperationTimedOut", operation.ErrorMessage ?? "It took longer than it may."),
        OperationStatus.Cancelled => new("OperationCanceled", operation.CancelReason ?? "Somebody no longer wanted it."),
        _ => null,
    };
}
