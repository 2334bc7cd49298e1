using System.Net.Http.Json;
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

    private async Task<T> Get<T>(string service, string path, CancellationToken cancel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(PageWithin);
        try
        {
            using var answer = await services.Send(caller, service, HttpMethod.Get, path, cancel: timeout.Token);
            if (!answer.IsSuccessStatusCode)
            {
                throw new HttpRequestException($"The {service} service answered {(int)answer.StatusCode} to {path.Split('?')[0]}.", null, answer.StatusCode);
            }

            return await answer.Content.ReadFromJsonAsync<T>(Lenient, timeout.Token)
                ?? throw new JsonException($"The {service} service answered null to {path.Split('?')[0]}.");
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new ServiceAwayException($"The {service} service did not answer within {PageWithin.TotalSeconds} s.", late);
        }
    }
}
