using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Organisations;

internal static class OrganisationEndpoints
{
    public static void MapOrganisations(this IEndpointRouteBuilder app)
    {
        var organisation = app.MapApi("/identity/organisation").WithTags("organisation");

        organisation.MapGet("", GetOrganisation.Handle);
        organisation.MapPut("", ChangeOrganisation.Handle).RequireAuthorization(Roles.Admin);
        app.MapApi("/identity/export", Roles.Service).WithTags("organisation").MapGet("/organisation", ExportOrganisation.Handle)
            .WithSummary("How the organisation counts, for a service that counts from zero. Role service, or admin.");
    }
}
