using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>
/// Votes on an operation's plan as it was shown; the vote that decides has the operation approved or denied. Until then a voter may vote
/// again, and the same vote again changes nothing.
/// </summary>
internal static class CastVote
{
    /// <summary>Of one voter on one plan.</summary>
    private const int MostChanges = 20;

    /// <param name="Digest">Of the plan that was read, as GET answers it.</param>
    /// <param name="Reason">Required for deny.</param>
    public record Request(Decision Decision, [property: StringLength(200, MinimumLength = 1)] string Digest, [property: MaxLength(500)] string? Reason = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Decision == Decision.Deny && string.IsNullOrWhiteSpace(Reason)
            ? [new("says why it is denied, to those whose work it is", [nameof(Reason)])]
            : [];
    }

    public static async Task<Results<Ok<ApprovalView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, ClaimsPrincipal user, OperationsDb db, Approving approving, ApprovalReader reader, MemberDirectory directory, Caller caller,
        TimeProvider time, CancellationToken cancel)
    {
        var members = await directory.Of(caller.Org, cancel);
        var viewer = Viewer.Of(user);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await approving.Lock(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (await approving.Read(row, cancel) is not { } held)
        {
            return viewer.Sees(row) ? Problems.NoApproval() : Problems.NotYours();
        }

        var tally = held.Count(members);
        if (Refusal(held, tally, viewer, caller) is { } refusal)
        {
            return refusal;
        }

        if (Same(held, viewer, request))
        {
            return TypedResults.Ok(await reader.View(held, tally, viewer.UserId, cancel));
        }

        if (reader.WhyOver(held) is { } over)
        {
            return Problems.AlreadyDecided(over);
        }

        if (held.Approval.Digest != request.Digest)
        {
            return Problems.PlanChanged(held.Approval.Digest, await reader.ChangesSince(held, request.Digest, cancel));
        }

        if (held.Votes.Count(vote => vote.Voter == viewer.UserId && vote.Digest == request.Digest) >= MostChanges)
        {
            return Problems.TooManyVotes(MostChanges);
        }

        var name = members.First(member => string.Equals(member.UserId, viewer.UserId, StringComparison.OrdinalIgnoreCase)).DisplayName;
        var now = await Write(held, members, viewer, name, request, db, approving, time.GetUtcNow(), cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(await reader.View(now, now.Count(members), viewer.UserId, cancel));
    }

    private static ProblemHttpResult? Refusal(Held held, Tally tally, Viewer viewer, Caller caller) =>
        caller.ApiKey is not null ? Problems.MayNotVote("An API key cannot vote: log in as a person.")
        // Whose turn it is matters no more once it is decided.
        : tally.WhyNot(viewer.UserId) is { } why && (held.IsWaiting || !tally.IsAsked(viewer.UserId)) ? Problems.MayNotVote(why)
        : null;

    private static bool Same(Held held, Viewer viewer, Request request) => held.Votes.Any(vote => vote.State == VoteState.Counts
        && vote.Voter == viewer.UserId && vote.Decision == request.Decision && vote.Reason == request.Reason && vote.Digest == request.Digest);

    private static async Task<Held> Write(
        Held held, IReadOnlyList<Member> members, Viewer viewer, string name, Request request, OperationsDb db, Approving approving, DateTimeOffset now,
        CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync(
            $"SELECT cast_vote({held.Row.Id}, {viewer.UserId}, {name}, {(request.Decision == Decision.Approve ? "approve" : "deny")}, {request.Reason}, {now}, {request.Digest})",
            cancel);
        held = (await approving.Read(held.Row, cancel))!;
        var (tally, vote) = (held.Count(members), held.Votes[^1]);
        var voted = new Told("voted", vote.Voter, vote.Reason, new
        {
            vote.Voter,
            vote.VoterName,
            vote.Decision,
            vote.Reason,
            vote.Digest,
            Groups = tally.GroupsOf(vote.Voter),
        });
        await approving.Settle(
            held, tally, Verdict.Of(held, tally, vote), [voted], held.Approval.NextLookAt, held.Approval.RemindedAt, held.Approval.EscalatedAt, cancel);
        var row = await db.Operations.AsNoTracking().SingleAsync(x => x.Id == held.Row.Id, cancel);
        return (await approving.Read(row, cancel))!;
    }
}
