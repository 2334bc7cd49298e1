using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.Identity.Organisations;

/// <summary>A time zone that this machine's zone data has.</summary>
internal sealed class TimeZoneAttribute() : ValidationAttribute("must be a time zone such as Europe/London")
{
    private const int MaxChars = 64;

    public override bool IsValid(object? value) =>
        value is string { Length: > 0 and <= MaxChars } text && TimeZoneInfo.TryFindSystemTimeZoneById(text, out _);
}
