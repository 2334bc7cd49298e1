using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Invitations;

/// <summary>The caller takes up an invitation to their own address, and gets a session for that organisation; the one at hand goes on.</summary>
internal static class Join
{
    public sealed record Request([Required, MaxLength(128)] string Code);

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Joining joining, Session session, Caller caller, CancellationToken cancel)
    {
        var id = caller.UserId();
        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == id, cancel);
        var (membership, refusal) = await joining.TryJoin(user, isNew: false, request.Code, cancel);

        return membership is null ? refusal! : TypedResults.Ok(await session.Open(user, membership, cancel));
    }
}
