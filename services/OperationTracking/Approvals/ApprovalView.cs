using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>What somebody who has to agree to an operation is shown.</summary>
/// <param name="Digest">Of the plan; a vote names it.</param>
/// <param name="Effect">What would be changed.</param>
/// <param name="Money">In the organisation's currency.</param>
/// <param name="Groups">In the order in which they are asked; last the one it escalates to.</param>
/// <param name="Votes">The latest 1,000, the oldest first.</param>
/// <param name="MayVote">Whether the caller may now.</param>
/// <param name="WhyNot">Null when they may.</param>
/// <param name="Changes">What the plan does otherwise than the one that votes were cast on before, at most 200; null when no votes lapsed.</param>
internal sealed record ApprovalView(
    OperationView Operation,
    string Digest,
    JsonElement Effect,
    long Records,
    decimal Money,
    long Deletions,
    IReadOnlyList<GroupTally> Groups,
    IReadOnlyList<VoteView> Votes,
    DateTimeOffset AskedAt,
    DateTimeOffset Deadline,
    DateTimeOffset? RemindedAt,
    DateTimeOffset? EscalatedAt,
    bool MayVote,
    string? WhyNot,
    IReadOnlyList<EffectChange>? Changes);

/// <param name="Digest">Of the plan it was cast on.</param>
/// <param name="IsReplaced">The voter has voted again.</param>
/// <param name="IsLapsed">The plan has changed since.</param>
internal sealed record VoteView(
    string Voter, string Name, Decision Decision, string? Reason, DateTimeOffset At, string Digest, bool IsReplaced, bool IsLapsed);

/// <summary>Shows approvals to one caller.</summary>
internal sealed class ApprovalReader(OperationsDb db, OperationReader operations, TimeProvider time)
{
    private const int MostVotes = 1_000;
    private const string Away = "Who may vote cannot be told just now, for the identity service does not answer: come again in a moment.";

    /// <param name="tally">Null when the members are not known.</param>
    public async Task<ApprovalView> View(Held held, Tally? tally, string userId, CancellationToken cancel)
    {
        var (approval, plan) = (held.Approval, held.Plan);
        var whyNot = WhyOver(held) ?? (tally is null ? Away : tally.WhyNot(userId));
        return new(
            operations.View(held.Row), approval.Digest, JsonElement.Parse(plan.Effect), plan.Records, plan.Money, plan.Deletions,
            // As they were when it was decided, whoever has joined or left since.
            tally is null || !held.IsWaiting ? JsonSerializer.Deserialize<IReadOnlyList<GroupTally>>(approval.Groups, Json.Options)! : tally.Groups,
            [.. held.Votes.TakeLast(MostVotes).Select(x => new VoteView(
                x.Voter, x.VoterName, x.Decision, x.Reason, x.At, x.Digest, x.State == VoteState.Replaced, x.State == VoteState.Lapsed))],
            approval.AskedAt, approval.DueAt, approval.RemindedAt, approval.EscalatedAt, whyNot is null, whyNot,
            held.Votes.LastOrDefault(x => x.State == VoteState.Lapsed) is { } lapsed ? await ChangesSince(held, lapsed.Digest, cancel) : null);
    }

    /// <returns>What is otherwise than in the plan of that digest; null when that plan is not known any more.</returns>
    public async Task<IReadOnlyList<EffectChange>?> ChangesSince(Held held, string digest, CancellationToken cancel) =>
        await db.AskedPlans.AsNoTracking().Where(x => x.OperationId == held.Row.Id && x.Digest == digest).Select(x => x.Effect).SingleOrDefaultAsync(cancel) is { } before
            ? EffectChanges.Between(before, held.Plan.Effect)
            : null;

    /// <returns>Null while votes are taken.</returns>
    public string? WhyOver(Held held) =>
        !held.IsWaiting ? $"It is decided: the operation is {JsonNamingPolicy.SnakeCaseLower.ConvertName(held.Row.Status.ToString())}."
        : time.GetUtcNow() >= held.Approval.DueAt ? $"Its deadline was at {held.Approval.DueAt:u}."
        : null;
}
