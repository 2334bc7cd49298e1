using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Whether the organisation's members could agree at all to an operation of that user and effect by that policy; 422 says who lacks.</summary>
internal static class CheckPolicy
{
    /// <param name="UserId">Whose operation it would be; null when that is not known, and nobody is left out for it.</param>
    /// <param name="Money">In the organisation's currency.</param>
    public record Request(
        ApprovalPolicy Policy,
        [property: MaxLength(100)] string? UserId = null,
        [property: AtLeast(0)] long Records = 0,
        decimal Money = 0,
        [property: AtLeast(0)] long Deletions = 0) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            PolicyRules.Faults(Policy).Select(fault => new ValidationResult(fault.Message, [$"policy.{fault.Path}"]));
    }

    public record Response(bool IsSatisfiable, IReadOnlyList<GroupTally> Groups);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(Request request, MemberDirectory directory, Caller caller, CancellationToken cancel)
    {
        var (tally, refusal) = await Count(new("", "{}", request.Policy, request.Records, request.Money, request.Deletions), request.UserId, directory, caller, cancel);
        return refusal is null ? TypedResults.Ok(new Response(true, tally.Groups)) : refusal;
    }

    /// <returns>Besides, why nobody could agree to it; null when they can.</returns>
    public static async Task<(Tally Tally, ProblemHttpResult? Refusal)> Count(
        OperationPlan plan, string? userId, MemberDirectory directory, Caller caller, CancellationToken cancel)
    {
        var tally = Of(await directory.Of(caller.Org, cancel));
        if (tally.Lacking.Count > 0)
        {
            // Somebody may have come since the members were asked for last.
            tally = Of(await directory.OfNow(caller.Org, cancel));
        }

        return (tally, tally.Lacking.Count == 0 ? null : Problems.PolicyUnsatisfiable(tally.Lacking));

        Tally Of(IReadOnlyList<Member> members) => new(plan, userId ?? "", false, members, []);
    }
}
