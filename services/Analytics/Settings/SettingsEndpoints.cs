using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Settings;

internal static class SettingsEndpoints
{
    public static void MapSettings(this WebApplication app)
    {
        var settings = app.MapApi("/analytics/settings").WithTags("settings");
        settings.MapGet("", GetSettings.Handle).WithSummary("How the organisation counts: currency, time zone, business day, tax rates. Role viewer.");
        settings.MapPut("/tax/{validFrom}", SetTaxRate.Handle).RequireAuthorization(Roles.Admin)
            .WithSummary("Set the tax rates valid from a business day (YYYY-MM-DD) on. Role admin.");
        settings.MapDelete("/tax/{validFrom}", DeleteTaxRate.Handle).RequireAuthorization(Roles.Admin)
            .WithSummary("Remove the tax rates valid from that business day. Role admin.");
    }
}
