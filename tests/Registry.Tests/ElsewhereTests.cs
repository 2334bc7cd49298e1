using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace OpsPlatform.Registry.Tests;

/// <summary>Instances that do not come from the registry's own machine: whoever calls a machine's outer address comes from it.</summary>
public sealed class ElsewhereTests
{
    private static readonly IPAddress? Outer = NetworkInterface.GetAllNetworkInterfaces().SelectMany(one => one.GetIPProperties().UnicastAddresses).Select(one => one.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));

    [Fact]
    public async Task A_loopback_address_announced_from_elsewhere_is_refused()
    {
        Assert.SkipWhen(Outer is null, "This machine has no address but loopback, so nobody can come from elsewhere.");
        await using var registry = new OuterRegistry();
        await registry.InitializeAsync();
        await using var instance = await StubInstance.Start(registry);
        var report = instance.Report("starting");
        foreach (var address in (string[])[instance.Address, "http://localhost:8080", "http://[::1]:8080"])
        {
            report["address"] = address;
            await instance.Announce(report).ShouldBeProblem(HttpStatusCode.UnprocessableEntity, "address-refused");
        }

        report["address"] = $"http://{Outer}:8080";
        (await instance.Announce(report)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private sealed class OuterRegistry : RegistryFixture, IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            var addresses = app.ServerFeatures.Get<IServerAddressesFeature>()!.Addresses;
            addresses.Clear();
            addresses.Add($"http://{Outer}:0");
            next(app);
        };

        protected override void Configure(IServiceCollection services) => services.AddSingleton<IStartupFilter>(this);
    }
}
