using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace OpsPlatform.System.Tests;

public sealed class LateListenerTests
{
    [Fact]
    public async Task What_inventory_did_before_sync_was_ever_started_is_on_the_feed()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var open = Path.Combine(Path.GetTempPath(), $"ops-gate-{Guid.NewGuid():N}");
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(["UseVolumes=false"], timeout.Token);
        var gate = builder.AddExecutable("gate", "sh", ".", "-c", $"until [ -e {open} ]; do sleep 0.1; done");
        builder.CreateResourceBuilder(builder.Resources.OfType<ProjectResource>().Single(project => project.Name == "sync")).WaitForCompletion(gate);
        await using var app = await builder.BuildAsync(timeout.Token);
        try
        {
            await app.StartAsync(timeout.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("identity", timeout.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("inventory", timeout.Token);
            using var organisation = await Organisation.Register(app.GetEndpoint("identity", "http"), "Early");
            using var inventory = new HttpClient { BaseAddress = app.GetEndpoint("inventory", "http") };
            inventory.DefaultRequestHeaders.Authorization = organisation.Client.DefaultRequestHeaders.Authorization;
            for (var i = 0; i < 50; i++)
            {
                (await global::System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(inventory, "/ingredients", Shop.Ingredient($"flour-{i}", i), timeout.Token)).EnsureSuccessStatusCode();
            }

            await File.WriteAllTextAsync(open, "", timeout.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", timeout.Token);
            organisation.Client.Dispose();
            using var reader = new HttpClient { BaseAddress = app.GetEndpoint("gateway", "http") };
            reader.DefaultRequestHeaders.Authorization = inventory.DefaultRequestHeaders.Authorization;
            // The organisation, its owner's membership and the fifty ingredients.
            var feed = await Eventually.Is(
                async () => global::System.Text.Json.JsonDocument.Parse(await reader.GetStringAsync("/sync/feed?after=0&limit=200")).RootElement.GetProperty("items"),
                items => items.GetArrayLength() >= 52);
            feed.EnumerateArray().Select(frame => frame.GetProperty("position").GetInt64()).ShouldBe(Enumerable.Range(1, feed.GetArrayLength()).Select(i => (long)i));
            feed.EnumerateArray().Count(frame => frame.GetProperty("eventType").GetString() == "inventory_created").ShouldBe(50);
        }
        finally
        {
            File.Delete(open);
            await app.StopAsync(timeout.Token);
        }
    }
}
