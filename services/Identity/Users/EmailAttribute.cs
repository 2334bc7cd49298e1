using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

namespace OpsPlatform.Identity.Users;

/// <summary>something@domain.tld without spaces, at most 254 characters; whether mail arrives is not known.</summary>
internal sealed partial class EmailAttribute() : ValidationAttribute("is no e-mail address")
{
    private const int MaxChars = 254;

    public override bool IsValid(object? value) => value is string { Length: <= MaxChars } text && Shape().IsMatch(text);

    [GeneratedRegex(@"^[^@\s\p{C}]+@[^@\s\p{C}.]+(\.[^@\s\p{C}.]+)+\z", RegexOptions.NonBacktracking)]
    private static partial Regex Shape();
}
