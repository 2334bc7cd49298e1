using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Identity.Members;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Organisations;

/// <summary>Says anew what the organisation is; the last of two at once stays.</summary>
internal static class ChangeOrganisation
{
    public static async Task<Results<Ok<OrganisationResponse>, ProblemHttpResult>> Handle(
        OrganisationRequest request, IdentityDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (organisation, actingRole) = await db.LockMembers(caller, cancel);

        if (organisation is null || !Roles.AtLeast(Roles.Admin).Contains(actingRole))
        {
            return Problems.NoLongerAMember;
        }

        organisation.Change(request);
        await db.SaveChangesAsync(cancel);
        db.Publish(organisation.Changed());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(OrganisationResponse.Of(organisation));
    }
}
