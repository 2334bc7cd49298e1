using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>Ends an operation, also one that nothing was heard of yet.</summary>
internal sealed class EndOperationWhenOperationEnded(OperationsDb db, TellAfterCommit tell, Caller caller) : IHear<OperationEnded>
{
    private const int MaxError = 2_000;

    public async Task Hear(IReadOnlyList<Envelope<OperationEnded>> messages, CancellationToken cancel)
    {
        // An operation ends once; should two messages tell of it, the first counts.
        var ends = messages.DistinctBy(envelope => envelope.Message.Operation.OperationId).ToArray();
        var started = StartedRow.Json(ends.Select(envelope => StartedRow.Of(envelope.Message.Operation, envelope.Actor, envelope.CorrelationId)));
        var last = ReportRows.Json(ends.Where(envelope => envelope.Message.Last is { Attempt: > 0 })
            .Select(envelope => Heard.Of(TakeReports.Storable(envelope.Message.Last! with { OperationId = envelope.Message.Operation.OperationId }), envelope.CorrelationId)));
        var ended = EndedRow.Json(ends.Select(Row));
        await db.Database.ExecuteSqlAsync($"SELECT hear_ended({started}::jsonb, {last}::jsonb, {ended}::jsonb)", cancel);
        foreach (var envelope in ends)
        {
            tell.Changed(caller.Org, envelope.Message.Operation.OperationId, hasEnded: true);
            if (envelope.Message.Operation.Undoes is { } undone)
            {
                tell.Changed(caller.Org, undone, hasEnded: true);
            }
        }
    }

    private static EndedRow Row(Envelope<OperationEnded> envelope) => new(
        envelope.Message.Operation.OperationId,
        envelope.Message.Outcome,
        envelope.Message.EndedAt,
        Text.Storable(envelope.Message.Error, MaxError),
        Text.ObjectOrNull(envelope.Message.Result),
        envelope.Message.CancelledBy,
        envelope.CorrelationId);
}

/// <summary>As end_operations reads it.</summary>
internal sealed record EndedRow(
    Guid Id, string Outcome, DateTimeOffset EndedAt, string? Error, [property: JsonConverter(typeof(RawJson))] string? Result, string? CancelledBy, Guid CorrelationId)
{
    private static readonly JsonSerializerOptions RowOptions = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Json(IEnumerable<EndedRow> rows) => JsonSerializer.Serialize(rows, RowOptions);
}
