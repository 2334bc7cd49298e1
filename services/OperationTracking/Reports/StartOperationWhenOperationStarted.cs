using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;
using Tree = OpsPlatform.OperationTracking.Steps.StepTree;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>Makes a service's work known; of one whose end came first nothing is changed.</summary>
internal sealed class StartOperationWhenOperationStarted(OperationsDb db, Approving approving, TellAfterCommit tell, Caller caller) : IHear<OperationStarted>
{
    public async Task Hear(IReadOnlyList<Envelope<OperationStarted>> messages, CancellationToken cancel)
    {
        var rows = StartedRow.Json(messages.Select(envelope => StartedRow.Of(envelope.Message, envelope.Actor, envelope.CorrelationId)));
        await db.Database.ExecuteSqlAsync($"SELECT hear_started({rows}::jsonb)", cancel);
        foreach (var envelope in messages)
        {
            tell.Changed(caller.Org, envelope.Message.OperationId);
            if (envelope.Message.Undoes is { } undone)
            {
                tell.Changed(caller.Org, undone, hasEnded: true);
            }
        }

        await approving.AskForNew([.. messages.Where(envelope => envelope.Message.Plan is not null).Select(envelope => envelope.Message.OperationId)], cancel);
    }
}

/// <summary>As add_operations reads it.</summary>
internal sealed record StartedRow(
    Guid Id,
    string OperationType,
    string Service,
    string DisplayName,
    string UserId,
    DateTimeOffset QueuedAt,
    IReadOnlyList<OperationStep> Steps,
    IReadOnlyList<OperationStep>? StepTree,
    int MaxAttempts,
    string? EntityType,
    string? EntityId,
    [property: JsonConverter(typeof(RawJson))] string? Context,
    IReadOnlyList<string> Tags,
    OperationPlan? Plan,
    bool CanUndo,
    Guid? Undoes,
    Guid? ParentId,
    double Weight,
    bool RollsUp,
    int? ExpectedChildren,
    string Actor,
    Guid CorrelationId)
{
    private const int MaxName = 500;
    private const int MaxTag = 100;
    private const int MaxTags = 50;
    private static readonly JsonSerializerOptions RowOptions = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static StartedRow Of(OperationStarted started, string? actor, Guid correlation)
    {
        var steps = Tree.Storable(started.Steps);
        return new(
            started.OperationId,
            Text.Storable(started.OperationType, MaxName),
            Text.Storable(started.Service, MaxName),
            Text.Storable(started.DisplayName, MaxName),
            Text.Storable(started.UserId, MaxName),
            started.QueuedAt,
            OperationStep.Leaves(steps),
            Tree.IsFlat(steps) ? null : steps,
            started.MaxAttempts,
            Text.Storable(started.EntityType, MaxName),
            Text.Storable(started.EntityId, MaxName),
            Text.ObjectOrNull(started.Context),
            [.. (started.Tags ?? []).Take(MaxTags).Select(tag => Text.Storable(tag, MaxTag))],
            started is { Plan: { } plan, RollsUp: false } ? Plans.Storable(plan) : null,
            started.CanUndo,
            started.Undoes,
            started.ParentId == started.OperationId ? null : started.ParentId,
            Tree.StorableWeight(started.Weight),
            started.RollsUp,
            started is { RollsUp: true, ExpectedChildren: > 0 } ? started.ExpectedChildren : null,
            Text.Storable(actor, MaxName) ?? started.UserId,
            correlation);
    }

    public static string Json(IEnumerable<StartedRow> rows) => JsonSerializer.Serialize(rows, RowOptions);
}
