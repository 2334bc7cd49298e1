using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Organisations;

/// <summary>What the organisation last said about how it counts, for a service that counts from zero.</summary>
internal static class ExportOrganisation
{
    public static async Task<Results<Ok<OrganisationChanged>, ProblemHttpResult>> Handle(IdentityDb db, Caller caller, CancellationToken cancel) =>
        await db.Organisations.AsNoTracking().SingleOrDefaultAsync(organisation => organisation.OrgId == caller.OrgId, cancel) is { } found
            ? TypedResults.Ok(found.Changed())
            : Problems.NoSuchOrganisation;
}
