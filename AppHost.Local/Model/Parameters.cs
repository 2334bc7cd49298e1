using System.Security.Cryptography;
using Aspire.Hosting.Publishing;

namespace Aspire.Hosting.ApplicationModel;

public class ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false)
    : Resource(name), IResourceWithoutLifetime, IValueProvider, IManifestExpressionProvider
{
    private string? _value;

    public bool Secret { get; } = secret;
    public ParameterDefault? Default { get; set; }
    public string ValueExpression => $"{{{Name}.value}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(_value ??= callback(Default));
}

public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
    public abstract void WriteToManifest(ManifestPublishingContext context);
}

public sealed class GenerateParameterDefault : ParameterDefault
{
    private const string Letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    private const string SpecialCharacters = "-_.";

    public int MinLength { get; set; } = 22;
    public bool Special { get; set; } = true;

    public override string GetDefaultValue() =>
        RandomNumberGenerator.GetString(Special ? Letters + SpecialCharacters : Letters, MinLength);

    public override void WriteToManifest(ManifestPublishingContext context)
    {
    }
}
