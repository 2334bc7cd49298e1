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
    }
}
