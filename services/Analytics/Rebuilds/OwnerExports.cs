using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>What the owners hold of the caller's organisation, read page by page with this service's own token.</summary>
internal sealed class OwnerExports(ServiceClient services, Caller caller)
{
    private const int PageSize = 500;
    private static readonly TimeSpan PageWithin = TimeSpan.FromSeconds(30);

    /// <summary>A newer owner may tell more than is known here.</summary>
    private static readonly JsonSerializerOptions Lenient = new(JsonSerializerDefaults.Web);

    public Task<OrganisationChanged> Settings(CancellationToken cancel) => Get<OrganisationChanged>("identity", "/identity/export/organisation", cancel);

    public Task<OrderExportPage> Orders(string? after, CancellationToken cancel) => Get<OrderExportPage>("orders", $"/orders/export{Page(after)}", cancel);

    public Task<ConsumptionExportPage> Consumption(string? after, CancellationToken cancel) =>
        Get<ConsumptionExportPage>("inventory", $"/inventory/export/consumption{Page(after)}", cancel);

    public async Task<long?> OrdersTotal(CancellationToken cancel) => (await Get<OrderExportPage>("orders", "/orders/export?limit=1", cancel)).Total;

    public async Task<long?> ConsumptionTotal(CancellationToken cancel) =>
        (await Get<ConsumptionExportPage>("inventory", "/inventory/export/consumption?limit=1", cancel)).Total;

    private static string Page(string? after) => $"?limit={PageSize}{(after is null ? "" : $"&after={Uri.EscapeDataString(after)}")}";

    private Task<T> Get<T>(string service, string path, CancellationToken cancel) => services.Get<T>(caller, service, path, Lenient, PageWithin, cancel);
}
