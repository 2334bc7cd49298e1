using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace OpsPlatform.ServiceDefaults.Registry;

/// <summary>What an instance says when it leaves.</summary>
public sealed record LeaveRequest([System.ComponentModel.DataAnnotations.StringLength(100, MinimumLength = 16)] string Key);

internal static class RegistrySetup
{
    public static void AddRegistration(this WebApplicationBuilder builder)
    {
        // Read once here, so that a wrong one is a failed start with a sentence.
        _ = Instance.AdvertisedUrl(builder.Configuration);
        builder.Services.AddSingleton<RegistryClient>();
        builder.Services.AddHostedService<Registration>();
    }
}

internal static class Instance
{
    private const string AdvertisedUrlVariable = "ADVERTISED_URL";

    /// <exception cref="InvalidOperationException">It is set to something no other machine could call.</exception>
    public static Uri? AdvertisedUrl(IConfiguration configuration) =>
        configuration[AdvertisedUrlVariable] is not { Length: > 0 } text ? null
        : InstanceAddress.TryParse(text, out var address, out var reason) ? address
        : throw new InvalidOperationException($"Set {AdvertisedUrlVariable} to where this one instance is reached: it {reason}, and is '{text}'.");

    public static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);

    public static string VersionOf(IHostEnvironment environment)
    {
        var assembly = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(known => known.GetName().Name == environment.ApplicationName) ?? Assembly.GetEntryAssembly();
        return Cut(assembly?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion, 200) ?? "unknown";
    }

    public static string? Cut(string? text, int maxChars) => text?.Length > maxChars ? text[..maxChars] : text;
}
