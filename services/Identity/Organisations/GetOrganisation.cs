using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Organisations;

/// <summary>The organisation the caller acts for.</summary>
internal static class GetOrganisation
{
    public static async Task<Results<Ok<OrganisationResponse>, ProblemHttpResult>> Handle(IdentityDb db, Caller caller, CancellationToken cancel) =>
        await db.Organisations.AsNoTracking().SingleOrDefaultAsync(organisation => organisation.OrgId == caller.Org, cancel) is { } found
            ? TypedResults.Ok(OrganisationResponse.Of(found))
            : Problems.NoSuchOrganisation;
}
